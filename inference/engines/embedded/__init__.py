"""The embedded diarization engine: who spoke when on a CPU, without torch."""

from inference.engines.embedded.engine import EMBEDDING, SEGMENTATION, EmbeddedDiarizer

__all__ = ["EMBEDDING", "SEGMENTATION", "EmbeddedDiarizer"]
