"""Whisper's parts: features, prompts, decoding and word alignment."""
