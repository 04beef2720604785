"""Streaming Sortformer through NeMo: up to four speakers, read from the audio by one network."""

from inference.engines.sortformer.engine import SortformerDiarizer

__all__ = ["SortformerDiarizer"]
