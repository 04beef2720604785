"""What a diarization engine is: shared, immutable once loaded, called from worker threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from inference.types import Pcm, Turn


@dataclass(frozen=True, slots=True)
class DiarizationCapabilities:
    """What callers may ask of a diarization engine."""

    max_speakers: int
    """Most speakers that it can tell apart."""
    streaming: bool
    """Whether it gives turns while the audio comes in."""
    latency: float
    """Shortest delay of a provisional turn, in seconds of audio."""
    max_batch: int
    """Streams that one call may advance."""
    workers: int
    """Calls that may run at once, each in a thread of its own."""
    device: str
    """`cpu` or `cuda`."""


@dataclass(frozen=True, slots=True)
class DiarizationOptions:
    """How one stream is to be diarized."""

    speakers: int = 0
    """Expected number; 0: found from the speech."""
    live: bool = False
    """Give provisional turns while the audio comes in."""
    latency: float = 2.0
    """Longest delay of a provisional turn, in seconds of audio; for live streams."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Two numbers turned out to be one voice: read `gone` as `kept` in every earlier turn."""

    gone: int
    kept: int


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing before `time` changes any more."""

    time: float


DiarizationEvent: TypeAlias = Turn | Merged | Settled


class Diarization(Protocol):
    """The state of one stream. Not safe for two threads at once; `push` and `finish` are cheap."""

    def push(self, pcm: Pcm) -> None:
        """Take the next samples."""
        ...

    def flush(self) -> None:
        """Make final what can be made final."""
        ...

    def finish(self) -> None:
        """Say that no more audio comes."""
        ...

    @property
    def wanted(self) -> int:
        """Samples to push before there is something to do; 0: there is something to do now."""
        ...

    @property
    def done(self) -> bool:
        """Whether all of a finished stream has been worked off."""
        ...

    @property
    def speech_seconds(self) -> float:
        """Audio with speech so far."""
        ...

    def take(self) -> list[DiarizationEvent]:
        """Return the events since the last call."""
        ...


Stream = TypeVar("Stream", bound=Diarization)


class DiarizationEngine(Protocol[Stream]):
    """Audio in, who spoke when out. Calls of `advance` block; up to `capabilities.workers` may run at once."""

    @property
    def capabilities(self) -> DiarizationCapabilities:
        """What callers may ask for."""
        ...

    def open(self, options: DiarizationOptions) -> Stream:
        """Begin a stream."""
        ...

    def advance(self, streams: Sequence[Stream]) -> None:
        """Do the next piece of work of each stream, a fraction of a second long, in one batch.

        Whatever the batch, each stream gets what it would get alone.
        """
        ...

    def close(self) -> None:
        """Free the weights. No call may be running."""
        ...
