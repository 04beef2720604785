"""What an engine is: shared, immutable once loaded, called from worker threads; knows no gRPC, asyncio, settings."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from inference.types import Decoded, DecodingOptions, LanguageScores, Window


@dataclass(frozen=True, slots=True)
class TranscriptionCapabilities:
    """What callers may ask of a transcription engine."""

    languages: tuple[str, ...]
    """Whisper codes; one for a model of one language."""
    max_batch: int
    """Windows that one call may hold."""
    workers: int
    """Calls that may run at once, each in a thread of its own."""
    device: str
    """`cpu` or `cuda`."""


class TranscriptionEngine(Protocol):
    """Windows in, words out. Calls block; up to `capabilities.workers` may run at once."""

    @property
    def capabilities(self) -> TranscriptionCapabilities:
        """What callers may ask for."""
        ...

    def bucket(self, window: Window, options: DecodingOptions) -> Hashable:
        """What must be equal, beside the `batch_key`, for windows to share one pass of the model.

        `transcribe` takes any mix; a scheduler that groups by it gets batches that need no splitting.
        """
        ...

    def detect(self, windows: Sequence[Window]) -> list[LanguageScores]:
        """Score the languages of each window."""
        ...

    def transcribe(self, windows: Sequence[Window], options: Sequence[DecodingOptions]) -> list[Decoded]:
        """Decode a batch: one result a window, in order, each the same as if decoded alone.

        `options` holds one entry a window, all with the same `batch_key`.
        """
        ...

    def close(self) -> None:
        """Free the weights. No call may be running."""
        ...
