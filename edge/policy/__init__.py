"""Who may do what, counted exactly once."""
