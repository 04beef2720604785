"""The embedded engine: a segmentation network and a voice network on a CPU, from weights that come in a package."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.engines.diarization import DiarizationCapabilities, DiarizationOptions
from inference.engines.embedded.live import LiveStream
from inference.engines.embedded.networks import Embedder, Segmenter
from inference.engines.embedded.stream import EmbeddedStream
from inference.types import Pcm

MAX_SPEAKERS = 16
SEGMENTATION = "segmentation-3.0.pt"
EMBEDDING = "campplus-zh-en.pt"
_PIECES = 12
"""Pieces that one call looks at: about 0.15 s of work."""


class EmbeddedDiarizer:
    """Shared by all streams; the networks may run in several threads at once."""

    def __init__(self, folder: Path, *, workers: int = 1, threads: int = 1) -> None:
        self._segmenter = Segmenter(folder / SEGMENTATION, threads=threads)
        self._embedder = Embedder(folder / EMBEDDING, threads=threads)
        self._capabilities = DiarizationCapabilities(
            max_speakers=MAX_SPEAKERS, streaming=True, latency=1.0, max_batch=8, workers=workers, device="cpu"
        )

    @property
    def capabilities(self) -> DiarizationCapabilities:
        """What callers may ask for."""
        return self._capabilities

    def open(self, options: DiarizationOptions) -> EmbeddedStream:
        """Begin a stream."""
        return (LiveStream if options.live else EmbeddedStream)(options, limit=MAX_SPEAKERS)

    def advance(self, streams: Sequence[EmbeddedStream]) -> None:
        """Do the next piece of work of each stream."""
        self._see(streams)
        self._hear(streams)
        for stream in streams:
            stream.conclude()

    def close(self) -> None:
        """Free the weights."""

    def _see(self, streams: Sequence[EmbeddedStream]) -> None:
        due = [(stream, window) for stream in streams if (window := stream.next_window()) is not None]
        if due:
            activities = self._segmenter(np.stack([window for _, window in due]))
            for (stream, _), activity in zip(due, activities, strict=True):
                stream.see(activity)

    def _hear(self, streams: Sequence[EmbeddedStream]) -> None:
        share = max(1, _PIECES // max(1, len(streams)))
        due: list[tuple[EmbeddedStream, list[Pcm]]] = [
            (stream, pieces) for stream in streams if (pieces := stream.next_pieces(share))
        ]
        if due:
            vectors = self._embedder([piece for _, pieces in due for piece in pieces])
            at = 0
            for stream, pieces in due:
                stream.hear(vectors[at : at + len(pieces)])
                at += len(pieces)
