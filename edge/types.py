"""The values that the modules of the edge hand each other: frozen, times in seconds from the start of the audio."""

from dataclasses import dataclass, field
from typing import Literal

SAMPLE_RATE = 16_000
"""Samples per second of all audio past the door."""
BYTES_PER_SECOND = 2 * SAMPLE_RATE
"""Bytes of signed 16-bit mono audio in a second."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was said."""

    text: str
    """As written, with punctuation, without surrounding spaces."""
    start: float
    end: float
    confidence: float
    """Probability, 0 to 1."""
    space_before: bool = True
    """Whether a space precedes it in running text."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A final stretch of transcript; never two speakers in one."""

    text: str
    start: float
    end: float
    words: tuple[Word, ...]
    confidence: float
    language: str
    speaker: int | None = None
    """From 1, by first speech; None: not asked for, or not known."""


@dataclass(frozen=True, slots=True)
class Interim:
    """Tentative text of all audio that is in no segment yet."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Turn:
    """Who spoke when; turns of different speakers may overlap."""

    start: float
    end: float
    speaker: int
    overlapped: bool = False
    """Whether another speaker is the louder one here."""


DiarizationState = Literal["done", "off", "unavailable"]
"""Whether speakers were told apart, not asked for, or could not be told."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recording says."""

    segments: tuple[Segment, ...]
    language: str
    duration: float
    """What was decoded, never what a header claims."""
    model: str
    """The model that did the work."""
    diarization: DiarizationState = "off"
    turns: tuple[Turn, ...] = field(default=())
    """Who spoke when, by the same numbers as the segments."""
    truncated: bool = False
    """Whether the file ended before its header said it would."""

    @property
    def speakers(self) -> tuple[int, ...]:
        """Numbers of those who said something, in order."""
        return tuple(sorted({segment.speaker for segment in self.segments if segment.speaker is not None}))
