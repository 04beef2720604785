"""What every gRPC process needs; knows no speech."""
