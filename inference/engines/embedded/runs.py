"""Runs: stretches in which the same tracks are active, and the pieces of audio by which their voices are known."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from inference.engines.embedded.tracks import NOBODY, Labels

PIECE_FRAMES = 89
"""Frames of a whole piece: 1.5 s."""
PIECE_STEP = 36
"""Frames between two pieces: 0.6 s."""
SHORTEST = 24
"""Frames of the shortest run that is worth a piece: 0.4 s."""


@dataclass(frozen=True, slots=True)
class Run:
    """Frames `start` to `end` with the same tracks active."""

    start: int
    end: int
    tracks: tuple[int, ...]
    loudest: int
    """The track that is the likeliest in most frames."""

    @property
    def length(self) -> int:
        """Frames."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames of one voice, at most `PIECE_FRAMES`."""

    start: int
    end: int
    track: int
    run: int
    """Index of its run."""

    @property
    def length(self) -> int:
        """Frames."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """Frame in the middle."""
        return (self.start + self.end) / 2


class Runs:
    """Cuts settled frames into runs and pieces as they come in."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.speech = 0
        self._settled = 0
        self._start = 0
        self._tracks: tuple[int, ...] = ()
        self._likeliest: Counter[int] = Counter()
        self._cut = 0
        self._closed = 0

    @property
    def needed(self) -> int:
        """Frame before which no later piece begins."""
        return max(self._start, self._settled - PIECE_FRAMES) if self._tracks else self._settled

    def add(self, labels: Labels) -> list[Piece]:
        """Take the next settled frames and return the pieces that they complete."""
        pieces: list[Piece] = []
        changes = np.flatnonzero((labels[1:, :2] != labels[:-1, :2]).any(axis=1)) + 1
        for start, end in zip((0, *changes), (*changes, len(labels)), strict=True):
            if start == end:
                continue
            tracks = tuple(int(track) for track in labels[start, :2] if track != NOBODY)
            if tracks != self._tracks:
                pieces += self._close()
                self._start = self._cut = self._settled
                self._tracks = tracks
                self._likeliest.clear()
            self._likeliest.update(labels[start:end, 2].tolist())
            self._settled += int(end - start)
            self.speech += int(end - start) if tracks else 0
        pieces += self._whole()
        return pieces

    def finish(self) -> list[Piece]:
        """Return the pieces of the last run."""
        pieces = self._close()
        self._tracks = ()
        return pieces

    def foresee(self, labels: Labels) -> tuple[list[Run], list[Piece]]:
        """Return the runs and pieces that frames would make that are not settled, without keeping them.

        The first run is the open one, if there is one; the pieces count runs on from those that there are.
        """
        fork = Runs()
        fork._settled, fork._start, fork._cut = self._settled, self._start, self._cut
        fork._tracks, fork._likeliest = self._tracks, self._likeliest.copy()
        fork._closed = self._closed
        pieces = [*fork.add(labels), *fork.finish()]
        return fork.runs, pieces

    def _whole(self) -> list[Piece]:
        pieces: list[Piece] = []
        while len(self._tracks) == 1 and self._cut + PIECE_FRAMES < self._settled:
            pieces.append(Piece(self._cut, self._cut + PIECE_FRAMES, self._tracks[0], self._closed))
            self._cut += PIECE_STEP
        return pieces

    def _close(self) -> list[Piece]:
        if not self._tracks:
            return []
        run = Run(self._start, self._settled, self._tracks, self._likeliest.most_common(1)[0][0])
        pieces: list[Piece] = []
        if len(run.tracks) == 1 and run.length >= SHORTEST:
            last = Piece(max(run.start, run.end - PIECE_FRAMES), run.end, run.tracks[0], self._closed)
            pieces = [*self._whole(), last]
        self.runs.append(run)
        self._closed += 1
        return pieces
