"""What a session tells its caller, in the order in which it became known."""

from dataclasses import dataclass
from typing import TypeAlias

from inference.types import Dropped, Segment, Span, Word


@dataclass(frozen=True, slots=True)
class Interim:
    """The tentative text of all audio that no segment covers; replaces the last one."""

    text: str
    stable_characters: int
    """Length of the leading part that two hypotheses in a row agree on."""
    start: float
    end: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began."""

    time: float


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Speech ended, before the pause that showed it."""

    time: float


@dataclass(frozen=True, slots=True)
class LanguageDetected:
    """The language was found, or found to be another one."""

    language: str
    confidence: float
    """Share of the vote, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is, in seconds of audio."""

    received: float
    processed: float
    """Everything before is final."""


@dataclass(frozen=True, slots=True)
class Draining:
    """The server is going away: audio after `processed` is for another replica."""

    processed: float


@dataclass(frozen=True, slots=True)
class Planned:
    """The next window of a plan, for whoever decodes it."""

    span: Span
    speech: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """Everything is final; the last event."""

    audio_seconds: float
    speech_seconds: float
    language: str
    """Of most of the speech; empty if nothing was said."""
    language_confidence: float
    dropped: tuple[Dropped, ...]


Event: TypeAlias = (
    Segment | Interim | SpeechStarted | SpeechEnded | LanguageDetected | Progress | Planned | Draining | Done
)
