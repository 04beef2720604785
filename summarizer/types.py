"""The values that the modules of the summarizer hand each other: frozen, and free of gRPC."""

from dataclasses import dataclass
from enum import Enum


class Style(Enum):
    """The form of a summary; the value is its public name."""

    BRIEF = "brief"
    DETAILED = "detailed"
    ACTION_ITEMS = "action_items"
    BULLET_POINTS = "bullet_points"

    @property
    def listed(self) -> bool:
        """Whether the summary is a list of lines rather than prose."""
        return self in {Style.ACTION_ITEMS, Style.BULLET_POINTS}


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asked for."""

    style: Style = Style.BRIEF
    language: str = ""
    """Language code to answer in; empty: the transcript's own."""
    deltas: bool = False
    """Whether a preview is wanted while the answer is written."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one speaker says in a row."""

    speaker: str
    """As labelled; empty if nobody was named."""
    text: str
    segments: tuple[str, ...] = ()
    """Ids of the caller's segments that it came from, in order."""

    @property
    def line(self) -> str:
        """The utterance as a line of a transcript."""
        return f"{self.speaker}: {self.text}" if self.speaker else self.text


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a listed summary."""

    text: str
    """Without a bullet."""
    owner: str = ""
    """Action items only: who; empty if nobody was named."""
    due: str = ""
    """Action items only: by when, as it was said; empty if it was not."""
    segments: tuple[str, ...] = ()
    """Ids of the segments that the line rests on, in order."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the model did."""

    prompt_tokens: int = 0
    """Tokens read, cached ones included."""
    cached_tokens: int = 0
    completion_tokens: int = 0
    passes: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.passes + other.passes,
        )


@dataclass(frozen=True, slots=True)
class Delta:
    """The next part of a preview."""

    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole summary, checked against the transcript."""

    text: str
    lines: tuple[Line, ...] = ()
    checkpoint: bool = False
    """Whether the stream goes on after it."""
    model: str = ""
    """Id of what wrote it."""
    dropped: int = 0
    """Parts left out because the transcript does not support them."""
