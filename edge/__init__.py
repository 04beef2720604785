"""People: HTTP, keys, money."""
