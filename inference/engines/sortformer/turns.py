"""Turns out of the frames of a network that decides once: who is active, from when to when."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.engines.diarization import DiarizationEvent, Settled
from inference.types import Turn

FRAME = 0.08
"""Seconds of one frame."""
ACTIVE = 0.5
"""Least probability of a speaker who is active."""
LONGEST = 20.0
"""Seconds after which a turn is cut, so that what is open has a bound."""

Probabilities = NDArray[np.float32]
"""One row a frame, one column a speaker."""


@dataclass(slots=True)
class _Open:
    start: int
    overlapped: bool


class TurnMaker:
    """Takes frames in order. A frame is decided when it comes; only the ends of turns are open."""

    def __init__(self) -> None:
        self._frames = 0
        self._speech = 0
        self._open: dict[int, _Open] = {}
        self._numbers: dict[int, int] = {}
        self._closed: list[Turn] = []

    @property
    def seconds(self) -> float:
        """Audio that was decided."""
        return self._frames * FRAME

    @property
    def speech_seconds(self) -> float:
        """Audio with speech."""
        return self._speech * FRAME

    def add(self, probabilities: Probabilities) -> None:
        """Take the next frames."""
        for row in probabilities:
            active = np.flatnonzero(row >= ACTIVE)
            loudest = int(row.argmax())
            for slot in [each for each in self._open if each not in active]:
                self._close(slot)
            for slot in active.tolist():
                self._step(slot, overlapped=slot != loudest)
            self._frames += 1
            self._speech += bool(len(active))

    def live(self) -> list[DiarizationEvent]:
        """Return what was said since the horizon, and move the horizon to where the first open turn begins."""
        horizon = min((each.start for each in self._open.values()), default=self._frames) * FRAME
        events: list[DiarizationEvent] = [*self._closed]
        events += [self._turn(slot, each, provisional=True) for slot, each in self._open.items()]
        self._closed = [turn for turn in self._closed if turn.end > horizon]
        return [*events, Settled(horizon)]

    def finish(self, seconds: float) -> list[Turn]:
        """Close what is open, and return the turns since the horizon, none beyond the end of the audio."""
        for slot in list(self._open):
            self._close(slot)
        cut = [replace(turn, end=min(turn.end, seconds)) for turn in self._closed]
        return sorted((turn for turn in cut if turn.end > turn.start), key=lambda turn: (turn.start, turn.speaker))

    def _step(self, slot: int, *, overlapped: bool) -> None:
        self._numbers.setdefault(slot, len(self._numbers) + 1)
        is_open = self._open.get(slot)
        if is_open and (is_open.overlapped != overlapped or (self._frames - is_open.start) * FRAME >= LONGEST):
            self._close(slot)
        self._open.setdefault(slot, _Open(self._frames, overlapped))

    def _close(self, slot: int) -> None:
        self._closed.append(self._turn(slot, self._open.pop(slot), provisional=False))

    def _turn(self, slot: int, each: _Open, *, provisional: bool) -> Turn:
        return Turn(
            each.start * FRAME,
            self._frames * FRAME,
            self._numbers[slot],
            provisional=provisional,
            overlapped=each.overlapped,
        )
