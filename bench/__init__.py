"""Measurements beside peers and limits, run at the same time on the same machine."""
