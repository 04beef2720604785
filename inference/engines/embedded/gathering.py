"""The gathering: all pieces of a stream with their vectors, and the voices that are found among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.engines.embedded.channel import Bands, Channel, centred, channel_of
from inference.engines.embedded.clustering import Assignment, Counts, Pairs, Sums, average_linkage, cut, grouped
from inference.engines.embedded.networks import Embeddings
from inference.engines.embedded.runs import Piece
from inference.engines.embedded.voices import found

CLEAR = 36
"""Frames from which a piece is long enough to found a voice: 0.6 s."""
_LOOSE = 400
"""Pieces that are kept apart; more are put into groups, so that hours are clustered as fast as minutes."""
_GROUPS = 1200
_NOWHERE = -1
"""The row of a piece that is too short to found a voice."""
_SAME = 0.3
"""Largest mean distance inside a group: well inside one voice."""
_NEIGHBOURS = 6
"""Pieces up to which two of one run are neighbours: 3.6 s."""

Scores = NDArray[np.float32]
"""Cosine of each piece with each voice, shape `(pieces, voices)`."""


@dataclass(frozen=True, slots=True)
class Voices:
    """The voices of a stream."""

    centres: Embeddings
    scores: Scores


class Gathering:
    """Grows with the stream by a vector a piece."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._vectors: list[Embeddings] = []
        self._bands: list[Bands] = []
        self._channel: Channel | None = None
        self._sums: Sums = np.zeros((0, 0))
        self._counts: Counts = np.zeros(0)
        self._rows: Assignment = np.zeros(0, np.intp)
        self._grouped = 0

    def add(self, pieces: list[Piece], vectors: Embeddings, measured: Bands) -> None:
        """Take the next pieces."""
        self.pieces += pieces
        self._vectors.append(vectors)
        self._bands.append(measured)
        while len(self.pieces) - self._grouped >= 2 * _LOOSE:
            self._group()

    @property
    def channel(self) -> Channel:
        """The channel of the recording, as far as it was heard."""
        return self._channel or channel_of(np.concatenate(self._bands))

    def vectors(self, start: int = 0) -> Embeddings:
        """Return the centred vectors of the pieces from `start` on."""
        if not self.pieces[start:]:
            return np.zeros((0, 192), np.float32)
        return centred(self._raw(start), self.channel)

    def voices(
        self,
        *,
        speakers: int,
        limit: int,
        early: bool = False,
        ahead: Sequence[Piece] = (),
        vectors_ahead: Embeddings | None = None,
    ) -> Voices:
        """Cluster the pieces into `speakers` voices, or as many as there are, up to `limit`. There must be a piece.

        `early` finds also those that have only begun to speak; `ahead` are pieces that are not taken yet, with centred
        vectors.
        """
        vectors = self.vectors()
        if vectors_ahead is not None:
            vectors = np.concatenate([vectors, vectors_ahead])
        pieces = [*self.pieces, *ahead]
        lengths = np.array([piece.length for piece in pieces])
        clear = lengths[self._grouped :] >= min(CLEAR, np.sort(lengths)[-min(len(lengths), 4)])
        sums = vectors[self._grouped :][clear].astype(np.float64)
        counts = np.concatenate([self._counts, np.ones(len(sums))])
        if self._grouped:
            sums = np.concatenate([self._sums, sums])
        rows = np.concatenate([self._rows, np.where(clear, len(self._counts) + np.cumsum(clear) - 1, _NOWHERE)])
        neighbours = _neighbours(rows, np.array([piece.run for piece in pieces]))
        centres = found(sums, counts, neighbours=neighbours, speakers=speakers, limit=limit, early=early)
        return Voices(centres, np.asarray(vectors @ centres.T, np.float32))

    def _raw(self, start: int) -> Embeddings:
        if len(self._vectors) > 1:
            self._vectors = [np.concatenate(self._vectors)]
        return self._vectors[0][start:]

    def _group(self) -> None:
        """Put the oldest loose pieces into groups of nearly the same sound."""
        self._channel = self.channel
        block = slice(self._grouped, self._grouped + _LOOSE)
        clear = np.array([piece.length >= CLEAR for piece in self.pieces[block]])
        sums = centred(self._raw(0)[block], self._channel)[clear].astype(np.float64)
        counts = np.ones(len(sums))
        self._grouped += _LOOSE
        assignment = _near(sums, counts, _SAME)
        rows = np.full(_LOOSE, _NOWHERE)
        rows[clear] = len(self._sums) + assignment
        self._rows = np.concatenate([self._rows, rows])
        sums, counts = _summed(sums, counts, assignment)
        self._sums = np.concatenate([self._sums, sums]) if len(self._sums) else sums
        self._counts = np.concatenate([self._counts, counts])
        distance = _SAME
        while len(self._sums) > _GROUPS:
            distance += 0.05
            assignment = _near(self._sums, self._counts, distance)
            self._rows = np.where(self._rows == _NOWHERE, _NOWHERE, assignment[self._rows])
            self._sums, self._counts = _summed(self._sums, self._counts, assignment)


def _near(sums: Sums, counts: Counts, distance: float) -> Assignment:
    return cut(len(sums), average_linkage(sums, counts), distance) if len(sums) > 1 else np.zeros(len(sums), np.intp)


def _summed(sums: Sums, counts: Counts, assignment: Assignment) -> tuple[Sums, Counts]:
    return grouped(sums, counts, assignment) if len(sums) else (sums, counts)


def _neighbours(rows: Assignment, runs: NDArray[np.int_]) -> Pairs:
    """Return the rows of each two pieces that are near each other in one run."""
    found: list[Pairs] = [np.zeros((0, 2), np.intp)]
    for step in range(1, _NEIGHBOURS + 1):
        pairs = np.stack([rows[:-step], rows[step:]], axis=1)
        found.append(pairs[(runs[:-step] == runs[step:]) & (pairs != _NOWHERE).all(axis=1)])
    return np.concatenate(found)
