"""What the policy tells the routes about a request: its limits, and whether it was done before."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """What the `RateLimit-*` headers say about one thing that is counted."""

    unit: str
    """`credits`, `milliseconds` of audio or `tries`."""
    limit: int
    """What the period started with; 0 for credits, which have no period."""
    remaining: int
    reset: int
    """Seconds until the period ends; 0 for credits."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: enough to answer it again, byte for byte."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fresh:
    """Nobody did this yet: go on."""


@dataclass(frozen=True, slots=True)
class Replay:
    """It was done before, and paid for: answer this, with `Idempotent-Replayed: true`."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Running:
    """It is being done right now: 409."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key was used for another body: 422."""


Outcome = Fresh | Replay | Running | Mismatch
