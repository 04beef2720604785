"""What a recognition says while it runs: frozen events, times in seconds from the start of the audio."""

from dataclasses import dataclass, replace

from edge.types import Interim, Segment, Turn


@dataclass(frozen=True, slots=True)
class Ready:
    """The stream is open."""

    served_by: str
    """The model that does the work."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began."""

    time: float


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Speech ended."""

    time: float


@dataclass(frozen=True, slots=True)
class LanguageDetected:
    """The language was found, or found to be another one."""

    language: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is."""

    received: float
    processed: float
    """Seconds before which everything is final."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A window of the audio for some replica to decode."""

    start: float
    end: float
    speech: tuple[tuple[float, float], ...]
    """Where voice was found in it: starts and ends."""


@dataclass(frozen=True, slots=True)
class Draining:
    """The replica goes away; audio after `processed` is for another one."""

    processed: float


@dataclass(frozen=True, slots=True)
class Done:
    """Everything is final."""

    language: str
    served_by: str


RecognitionEvent = (
    Ready | Segment | Interim | SpeechStarted | SpeechEnded | LanguageDetected | Progress | Planned | Draining | Done
)


@dataclass(frozen=True, slots=True)
class Merged:
    """Two numbers turned out to be one voice."""

    gone: int
    into: int


@dataclass(frozen=True, slots=True)
class Horizon:
    """Nothing before this time changes any more."""

    time: float


DiarizationEvent = Turn | Merged | Horizon


def shifted(event: RecognitionEvent, seconds: float) -> RecognitionEvent:
    """The same event of a stream whose audio began `seconds` later."""
    if not seconds:
        return event
    match event:
        case Segment():
            words = tuple(replace(w, start=w.start + seconds, end=w.end + seconds) for w in event.words)
            return replace(event, start=event.start + seconds, end=event.end + seconds, words=words)
        case Interim():
            return replace(event, start=event.start + seconds, end=event.end + seconds)
        case SpeechStarted() | SpeechEnded():
            return replace(event, time=event.time + seconds)
        case Progress():
            return replace(event, received=event.received + seconds, processed=event.processed + seconds)
        case Planned(start=start, end=end, speech=speech):
            moved = tuple((low + seconds, high + seconds) for low, high in speech)
            return Planned(start + seconds, end + seconds, moved)
        case Draining():
            return replace(event, processed=event.processed + seconds)
        case _:
            return event
