"""The values that the modules of inference hand each other: frozen, times in seconds from the start of the stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Samples per second of all audio inside inference."""

Pcm: TypeAlias = NDArray[np.int16]
"""Mono samples at `SAMPLE_RATE`, shape `(samples,)`."""


class Priority(IntEnum):
    """Whose windows go first; the smaller is the sooner."""

    FINAL = 0
    """The final pass over live speech."""
    INTERIM = 1
    """A draft of live speech: skipped rather than late."""
    FILE = 2
    """Recordings."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the stream's audio."""

    start: float
    end: float

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Lead:
    """What was said right before a window and is known already: heard again for its context, never told again."""

    pcm: Pcm
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Window:
    """At most 30 s of audio that an engine decodes at once, cut at pauses."""

    start: float
    """Time of the first sample."""
    pcm: Pcm
    speech: tuple[Span, ...]
    """Where voice activity was found inside the window, in stream time, in order."""
    lead: Lead | None = None
    """Not part of the window: no time, duration or result covers it."""

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.pcm) / SAMPLE_RATE

    @property
    def heard(self) -> Pcm:
        """What an engine listens to: the lead, then the window."""
        return np.concatenate([self.lead.pcm, self.pcm]) if self.lead else self.pcm

    @property
    def lead_seconds(self) -> float:
        """Audio that is heard before the window begins."""
        return len(self.lead.pcm) / SAMPLE_RATE if self.lead else 0.0

    @property
    def end(self) -> float:
        """Time of the end of the last sample."""
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How a window is to be decoded. Windows share a batch only if their `batch_key` is equal."""

    language: str = ""
    """Whisper code; empty: the engine finds it for this window alone."""
    draft: bool = False
    """A quick pass for interims: greedy, no temperature fallback, short encoder context."""
    words: bool = True
    """Whether words with times are wanted."""
    hotwords: str = ""
    prompt: str = ""
    """Text before the window, for style and context."""
    urgent: bool = False
    """Somebody waits: what may be needed is tried at once rather than in turn, with the same result."""

    @property
    def batch_key(self) -> tuple[bool, bool]:
        """What must be equal inside one batch; language and prompts differ by row."""
        return (self.draft, self.words)


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
    """A stretch of transcript."""

    text: str
    start: float
    end: float
    words: tuple[Word, ...]
    confidence: float
    language: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Text that was judged to be no speech, and why."""

    span: Span
    reason: str
    """`no_speech`, `repetition`, `low_probability` or `token_rate`."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an engine made of one window."""

    segments: tuple[Segment, ...]
    language: str
    language_probability: float
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class LanguageScores:
    """Probabilities of the languages of one window, by Whisper code; they sum to 1."""

    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """Who spoke when. Turns of different speakers may overlap."""

    start: float
    end: float
    speaker: int
    """From 1, by first speech."""
    provisional: bool = False
    overlapped: bool = False
    """Whether another speaker is the louder one here: left out of the exclusive view."""
