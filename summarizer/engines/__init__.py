"""What writes summaries."""
