"""Content-addressed weights: found, fetched, verified."""
