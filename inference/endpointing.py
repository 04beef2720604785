"""Endpointing: from the probability of speech in each frame to windows that are cut at pauses."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inference.types import SAMPLE_RATE
from inference.voice import FRAME, Probabilities

FRAME_SECONDS = FRAME / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class EndpointingPolicy:
    """When speech has begun and ended, and how long a window may become. All in seconds but the thresholds."""

    silence: float
    """Pause that closes a window at any length."""
    target: float
    """Length from which a pause of `pause` closes the window."""
    pause: float
    """Pause that closes a window longer than `target`."""
    longest: float
    """Longest window. One that reaches it is cut at its longest late pause, else where it is quietest."""
    padding: float = 0.3
    """Audio kept before speech, as far as the pause is long enough."""
    tail: float = 0.3
    """Audio kept after speech. Where it is no longer than a pause, that pause holds all of a window already."""
    shortest_speech: float = 0.1
    """Less than this is a click."""
    gap: float = 0.1
    """Less than this is inside a word."""
    start_threshold: float = 0.5
    end_threshold: float = 0.35


FILE_POLICY = EndpointingPolicy(silence=2.0, target=26.0, pause=0.3, longest=29.0, padding=0.4, tail=0.4)
LIVE_POLICY = EndpointingPolicy(silence=0.5, target=12.0, pause=0.3, longest=20.0, tail=0.2)


@dataclass(frozen=True, slots=True)
class Began:
    """Speech began, in samples."""

    at: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Speech ended, in samples."""

    at: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A window is complete: its bounds and the speech in it, in samples."""

    start: int
    end: int
    speech: tuple[tuple[int, int], ...]


Boundary: TypeAlias = Began | Ended | Cut


class Endpointer:
    """The state of one stream. Works frame by frame, so that chunks of any size give the same windows."""

    def __init__(self, policy: EndpointingPolicy) -> None:
        self.policy = policy
        self._now = 0  # frames seen
        self._floor = 0  # sample up to which audio went into windows
        self._spans: list[tuple[int, int]] = []  # closed speech of the open window, in frames
        self._onset: int | None = None  # first frame of the speech that goes on
        self._last = 0  # frame after the last one that counted as speech
        self._before = 0  # what it was before `_onset`
        self._heard = False  # whether `Began` was told and `Ended` not yet
        self._quiet: list[float] = []  # loudness of each frame since `_opened`
        self._opened = 0

    @property
    def needed(self) -> int:
        """The first sample that a later window may still hold."""
        if (start := self.open_since) is not None:
            return start
        return max(self._floor, (self._now * FRAME) - self._samples(self.policy.padding) - FRAME)

    @property
    def open_since(self) -> int | None:
        """Where the window that is being filled starts; None in silence."""
        first = self._spans[0][0] if self._spans else self._onset
        return None if first is None else max(self._floor, first * FRAME - self._samples(self.policy.padding))

    @property
    def speech(self) -> tuple[tuple[int, int], ...]:
        """The speech of the window that is being filled, in samples."""
        spans = [*self._spans, (self._onset, self._last)] if self._onset is not None else self._spans
        return tuple((start * FRAME, end * FRAME) for start, end in spans)

    @property
    def pause(self) -> float:
        """Seconds since the last frame of speech, clicks left out once they are over."""
        return (self._now - self._last) * FRAME_SECONDS

    @property
    def speaking(self) -> bool:
        """Whether speech goes on, and is no click."""
        return self._spoken >= self.policy.shortest_speech

    def hear(self, probabilities: Probabilities, loudness: NDArray[np.float32]) -> Iterable[Boundary]:
        """Take the next frames and tell what they decide."""
        for probability, level in zip(probabilities.tolist(), loudness.tolist(), strict=True):
            yield from self._frame(probability, level)

    def prospect(self, pause: float) -> Cut | None:
        """Return the window that silence from now on would complete, once a pause has lasted for `pause` seconds."""
        start, speech = self.open_since, self.speech
        if start is None or self._onset is not None or self.pause < pause:
            return None
        return Cut(start, self._padded(speech[-1][1]), speech)

    def flush(self) -> Iterable[Boundary]:
        """Close what is open now; speech that goes on begins a new window."""
        self._end_span(self._now)
        yield from self._close()
        yield from self._end()

    def _padded(self, end: int) -> int:
        return min(self._now * FRAME, end + self._samples(self.policy.tail))

    def _samples(self, seconds: float) -> int:
        return round(seconds * SAMPLE_RATE)

    def _frame(self, probability: float, level: float) -> Iterable[Boundary]:
        policy = self.policy
        speaking = probability >= (policy.end_threshold if self._onset is not None else policy.start_threshold)
        if speaking and self._onset is None:
            self._onset, self._before = self._now, self._last
            if not self._spans:
                self._quiet, self._opened = [], self._now
        self._now += 1
        self._quiet.append(level)
        if speaking:
            self._last = self._now
        elif self._onset is not None and self.pause >= policy.gap:
            self._end_span(self._last)
        if self._onset is None and not self._spans:
            self._quiet, self._opened = [], self._now
            return
        if not self._heard and self.speaking:
            self._heard = True
            yield Began(self.speech[0][0])
        yield from self._decide()

    @property
    def _spoken(self) -> float:
        return 0.0 if self._onset is None else (self._last - self._onset) * FRAME_SECONDS

    def _decide(self) -> Iterable[Boundary]:
        policy, start = self.policy, self.open_since
        if start is None:
            return
        length = (self._now * FRAME - start) / SAMPLE_RATE
        wanted = policy.pause if length - self.pause >= policy.target else policy.silence
        if self._onset is None and self.pause >= wanted:
            yield from self._close()
        elif length >= policy.longest:
            yield from self._split(start)
        if self._onset is None and self.pause >= min(policy.silence, 0.5):
            yield from self._end()

    def _end_span(self, end: int) -> None:
        if self._onset is not None and (end - self._onset) * FRAME_SECONDS >= self.policy.shortest_speech:
            self._spans.append((self._onset, end))
        elif self._onset is not None:
            self._last = self._before
        self._onset = None

    def _end(self) -> Iterable[Boundary]:
        if self._heard:
            self._heard = False
            yield Ended(self._last * FRAME)

    def _close(self) -> Iterable[Boundary]:
        start, speech = self.open_since, self.speech
        if start is None or not speech:
            return
        end = self._padded(speech[-1][1])
        self._spans, self._floor = [], end
        yield Cut(start, end, speech)

    def _split(self, start: int) -> Iterable[Boundary]:
        """Cut a window that grew too long, and keep the rest of it open."""
        earliest = (start + self._samples(self.policy.longest) * 2 // 5) // FRAME
        if self._onset is not None and self._spans:
            gaps = list(zip(self._spans, [*self._spans[1:], (self._onset, self._now)], strict=True))
        else:
            gaps = list(zip(self._spans, self._spans[1:], strict=False))
        pauses = [(left[1], right[0]) for left, right in gaps if left[1] >= earliest]
        if self._onset is None and not pauses:
            yield from self._close()
            return
        if pauses:
            end, begin = max(pauses, key=lambda pause: (pause[1] - pause[0], pause[0]))
        else:
            end = begin = self._quietest(earliest)
            self._cleave(end)
        room = min(self._samples(self.policy.padding), (begin - end) * FRAME // 2)
        kept = [span for span in self._spans if span[0] < end]
        self._spans = [span for span in self._spans if span[0] >= begin]
        self._floor = begin * FRAME - room
        del self._quiet[: begin - self._opened]
        self._opened = begin
        yield Cut(start, end * FRAME + room, tuple((low * FRAME, high * FRAME) for low, high in kept))

    def _quietest(self, earliest: int) -> int:
        """Find the frame in the later part of the window around which 0.16 s are the quietest."""
        first = max(earliest, self._now - round(10 / FRAME_SECONDS)) - self._opened
        levels = np.convolve(self._quiet, np.ones(5) / 5, mode="same")[first:-8]
        return self._opened + first + int(np.argmin(levels))

    def _cleave(self, at: int) -> None:
        """Part the span that covers a frame."""
        spans = []
        for low, high in self._spans:
            spans += [(low, at), (at, high)] if low < at < high else [(low, high)]
        self._spans = spans
        if self._onset is not None and self._onset < at:
            self._spans.append((self._onset, at))
            self._onset = self._before = at
