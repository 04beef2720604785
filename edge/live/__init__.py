"""Captions as one speaks: one WebSocket, one session."""
