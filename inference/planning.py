"""A recording for several replicas: one stream plans its windows, and each window is a stream of its own."""

import numpy as np

from inference.events import Planned
from inference.finals import Pending
from inference.listening import Heard
from inference.session import FileSession
from inference.types import SAMPLE_RATE, Pcm, Span, Window
from rpc.errors import InvalidArgument

LONGEST = 30.0
"""Seconds of the longest window."""


class BadWindow(InvalidArgument):
    """A planned window does not fit its audio, or is longer than a window may be."""

    reason = "bad_window"


class PlanSession(FileSession):
    """Cuts windows as for any recording and finds the language, but tells the windows instead of decoding them."""

    def _submit(self, pending: Pending, window: Window) -> None:
        self._finals.hand_over(pending)
        self._events.append(Planned(pending.span, window.speech))


class WholeWindow:
    """Hears one window that a plan cut: all of the stream's audio, with the speech that the plan found."""

    def __init__(self, span: Span, speech: tuple[Span, ...]) -> None:
        if not 0 <= span.start < span.end or span.duration > LONGEST + 1e-3:
            raise BadWindow(f"a window is at most {LONGEST:.0f} s of audio")
        if any(not span.start <= part.start <= part.end <= span.end for part in speech):
            raise BadWindow("speech lies inside its window")
        self._span = span
        self._speech = speech
        self._parts: list[Pcm] = []
        self._samples = 0

    @property
    def received(self) -> float:
        """Seconds of this stream's own audio so far."""
        return self._samples / SAMPLE_RATE

    @property
    def speech_seconds(self) -> float:
        """Seconds of speech in the window."""
        return sum(part.duration for part in self._speech)

    @property
    def needed(self) -> float:
        """Seconds before which no later window holds audio."""
        return self._span.start

    def append(self, pcm: Pcm) -> bool:
        """Take the next samples; there is nothing to hear before the end. Raises BadWindow."""
        self._samples += len(pcm)
        if self._samples > round(self._span.duration * SAMPLE_RATE) + 1:
            raise BadWindow("more audio than the window spans")
        self._parts.append(pcm)
        return False

    def hear(self) -> list[Heard]:
        """Nothing is complete before the end."""
        return []

    def flush(self) -> list[Heard]:
        """Nothing is complete before the end."""
        return []

    def finish(self) -> list[Heard]:
        """The window."""
        if not self._parts:
            return []
        return [Window(self._span.start, np.concatenate(self._parts), self._speech)]
