"""Live speakers: labels on segments by what is known when they go out, and corrections when more is known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.events import DiarizationEvent, Horizon, Merged
from edge.transcript import attribute
from edge.types import Segment, Turn

MEMORY_SECONDS = 60.0
"""How long turns and segments that can still be corrected are kept."""


@dataclass(slots=True)
class _Told:
    """A segment as the engine gave it, and the labels that went out."""

    segment: Segment
    labels: tuple[tuple[float, int | None], ...]


class LiveSpeakers:
    """Turns as they come, and who said what by them. Numbers are given at first use and never change."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._told: list[_Told] = []
        self._numbers: dict[int, int] = {}
        self._merged: dict[int, int] = {}
        self._horizon = 0.0
        self._settled = True
        """Whether a horizon came since the last turn: the next turn replaces all after it."""

    def label(self, segment: Segment) -> list[Segment]:
        """The segment cut by speaker, as far as that is known now."""
        pieces = self._attributed(segment)
        self._told.append(_Told(segment, _labels(pieces)))
        return pieces

    def take(self, event: DiarizationEvent) -> list[Segment]:
        """Learn something; gives stretches of what went out whose speaker is another one than was said."""
        match event:
            case Turn():
                self._learn(event)
                return []
            case Merged(gone=gone, into=into):
                self._merged[gone] = into
                self._turns = [self._as_merged(turn) for turn in self._turns]
                return self._corrections(final=self._horizon)
            case Horizon(time=time):
                self._horizon = max(self._horizon, time)
                self._settled = True
                return self._corrections(final=self._horizon)

    def finish(self) -> list[Segment]:
        """Everything is known; gives the last corrections."""
        return self._corrections(final=float("inf"))

    def _learn(self, turn: Turn) -> None:
        if self._settled:
            self._turns = [
                replace(each, end=min(each.end, self._horizon)) for each in self._turns if each.start < self._horizon
            ]
            self._settled = False
        self._turns.append(self._as_merged(turn))

    def _corrections(self, *, final: float) -> list[Segment]:
        """Segments before `final` are compared with what is known, and forgotten."""
        changed: list[Segment] = []
        waiting: list[_Told] = []
        for told in self._told:
            pieces = self._attributed(told.segment)
            labels = _labels(pieces)
            if told.segment.end > final:
                waiting.append(told)
            elif labels != told.labels:
                changed += pieces
        self._told = waiting
        floor = min([self._horizon - MEMORY_SECONDS, *(told.segment.start for told in waiting)])
        self._turns = [turn for turn in self._turns if turn.end > floor]
        return changed

    def _attributed(self, segment: Segment) -> list[Segment]:
        near = [t for t in self._turns if t.end > segment.start - 1 and t.start < segment.end + 1]
        pieces = attribute([segment], near)
        return [replace(piece, speaker=self._number(piece.speaker)) for piece in pieces]

    def _number(self, speaker: int | None) -> int | None:
        return None if speaker is None else self._numbers.setdefault(speaker, len(self._numbers) + 1)

    def _as_merged(self, turn: Turn) -> Turn:
        speaker = turn.speaker
        while speaker in self._merged:
            speaker = self._merged[speaker]
        return replace(turn, speaker=speaker)


def _labels(pieces: Sequence[Segment]) -> tuple[tuple[float, int | None], ...]:
    return tuple((piece.start, piece.speaker) for piece in pieces)
