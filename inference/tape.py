"""The audio of a stream that is still needed, addressed by sample from the stream's start."""

from collections import deque

import numpy as np

from inference.types import Pcm


class Tape:
    """Keeps what was appended until it is forgotten, so that memory follows the open windows and not the recording."""

    def __init__(self) -> None:
        self._pieces: deque[Pcm] = deque()
        self._start = 0
        self._end = 0

    @property
    def start(self) -> int:
        """The first sample that is still held."""
        return self._start

    @property
    def end(self) -> int:
        """Samples appended so far."""
        return self._end

    def append(self, pcm: Pcm) -> None:
        """Add the next samples of the stream."""
        if len(pcm):
            self._pieces.append(pcm)
            self._end += len(pcm)

    def read(self, start: int, end: int) -> Pcm:
        """Copy the samples from `start` up to `end`, as far as they are held."""
        taken: list[Pcm] = []
        at = self._start
        for piece in self._pieces:
            low, high = max(start - at, 0), min(end - at, len(piece))
            if low < high:
                taken.append(piece[low:high])
            at += len(piece)
            if at >= end:
                break
        return np.concatenate(taken) if taken else np.zeros(0, np.int16)

    def forget(self, before: int) -> None:
        """Let go of the samples before `before`."""
        while self._pieces and self._start + len(self._pieces[0]) <= before:
            self._start += len(self._pieces.popleft())
        if self._pieces and before > self._start:
            # A copy, so that the piece it is cut from can be freed.
            self._pieces[0] = self._pieces[0][before - self._start :].copy()
            self._start = before
