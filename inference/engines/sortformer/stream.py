"""A stream of Sortformer: the audio that the next step needs, the state that the last one left, the turns so far."""

from dataclasses import dataclass
from typing import Any

from inference.engines.diarization import DiarizationEvent, DiarizationOptions, Settled
from inference.engines.sortformer.presets import RECORDING, live_preset
from inference.engines.sortformer.turns import Probabilities, TurnMaker
from inference.tape import Tape
from inference.types import SAMPLE_RATE, Pcm

HOP = 160
"""Samples between two rows of features."""
ROWS = 8
"""Rows of features of one frame."""
_MARGIN = 2
"""Rows read beside what is needed: features at the very edge of a piece of audio differ."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the network is to hear next. Counts are rows of features."""

    pcm: Pcm
    skip: int
    """Rows of the audio before the first that counts."""
    rows: int
    left: int
    """Rows that are context before what is decided."""
    right: int
    """Rows that are context after it."""


class SortformerStream:
    """Bounded: the cache of speakers has a fixed size, and audio goes once it is no one's context."""

    def __init__(self, options: DiarizationOptions, state: Any) -> None:
        self.preset = live_preset(options.latency) if options.live else RECORDING
        self.state = state
        """What the network remembers; opaque here."""
        self._live = options.live
        self._tape = Tape()
        self._turns = TurnMaker()
        self._position = 0
        self._finished = False
        self._done = False
        self._events: list[DiarizationEvent] = []

    def push(self, pcm: Pcm) -> None:
        """Take the next samples."""
        self._tape.append(pcm)

    def flush(self) -> None:
        """Do nothing: every frame is final once it is decided, and the network decides whole chunks."""

    def finish(self) -> None:
        """Say that no more audio comes."""
        self._finished = True

    @property
    def wanted(self) -> int:
        """Samples to push before there is something to do."""
        needed = self._position + (self.preset.chunk + self.preset.right_context) * ROWS + _MARGIN
        return 0 if self._finished else max(0, needed * HOP - self._tape.end)

    @property
    def done(self) -> bool:
        """Whether all of a finished stream has been worked off."""
        return self._done

    @property
    def speech_seconds(self) -> float:
        """Audio with speech so far."""
        return self._turns.speech_seconds

    def take(self) -> list[DiarizationEvent]:
        """Return the events since the last call."""
        events, self._events = self._events, []
        return events

    def next_step(self) -> Step | None:
        """Return what is to be heard next, or None if it is not there yet or all was heard."""
        available = -(-self._tape.end // HOP) if self._finished else self._tape.end // HOP - _MARGIN
        preset = self.preset
        needed = self._position + (preset.chunk + preset.right_context) * ROWS
        if self._position >= available or (available < needed and not self._finished):
            return None
        left = min(preset.left_context * ROWS, self._position)
        end = min(available, needed)
        right = max(0, end - self._position - preset.chunk * ROWS)
        first = self._position - left
        start = max(0, first - _MARGIN)
        pcm = self._tape.read(start * HOP, (end + _MARGIN) * HOP)
        return Step(pcm, skip=first - start, rows=end - first, left=left, right=right)

    def decide(self, probabilities: Probabilities) -> None:
        """Take the network's decisions about the step."""
        self._turns.add(probabilities)
        self._position += self.preset.chunk * ROWS
        self._tape.forget(max(0, self._position - self.preset.left_context * ROWS - _MARGIN) * HOP)
        if self._live:
            self._events += self._turns.live()

    def conclude(self) -> None:
        """End a finished stream, if everything was heard."""
        if self._done or not self._finished or self.next_step() is not None:
            return
        seconds = self._tape.end / SAMPLE_RATE
        self._events += self._turns.finish(seconds)
        if self._live:
            self._events.append(Settled(seconds))
        self._done = True
