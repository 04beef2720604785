"""The gathering: all pieces of a stream with their vectors, and the voices that are found among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.engines.embedded.channel import Bands, Channel, centred, channel_of
from inference.engines.embedded.clustering import Counts, Sums, average_linkage, cut, grouped
from inference.engines.embedded.networks import Embeddings
from inference.engines.embedded.runs import Piece
from inference.engines.embedded.voices import found

CLEAR = 36
"""Frames from which a piece is long enough to found a voice: 0.6 s."""
_LOOSE = 400
"""Pieces that are kept apart; more are put into groups, so that hours are clustered as fast as minutes."""
_GROUPS = 1200
_SAME = 0.3
"""Largest mean distance inside a group: well inside one voice."""

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
        lengths = np.array([piece.length for piece in (*self.pieces, *ahead)])
        loose = vectors[self._grouped :]
        clear = lengths[self._grouped :] >= min(CLEAR, np.sort(lengths)[-min(len(lengths), 4)])
        counts = np.concatenate([self._counts, np.ones(int(clear.sum()))])
        sums = loose[clear].astype(np.float64)
        if self._grouped:
            sums = np.concatenate([self._sums, sums])
        centres = found(sums, counts, speakers=speakers, limit=limit, early=early)
        return Voices(centres, np.asarray(vectors @ centres.T, np.float32))

    def _raw(self, start: int) -> Embeddings:
        if len(self._vectors) > 1:
            self._vectors = [np.concatenate(self._vectors)]
        return self._vectors[0][start:]

    def _group(self) -> None:
        """Put the oldest loose pieces into groups of nearly the same sound."""
        self._channel = self.channel
        block = slice(self._grouped, self._grouped + _LOOSE)
        vectors = centred(self._raw(0)[block], self._channel).astype(np.float64)
        clear = np.array([piece.length >= CLEAR for piece in self.pieces[block]])
        self._grouped += _LOOSE
        sums, counts = _joined(vectors[clear], np.ones(int(clear.sum())), _SAME)
        self._sums = np.concatenate([self._sums, sums]) if len(self._sums) else sums
        self._counts = np.concatenate([self._counts, counts])
        distance = _SAME
        while len(self._sums) > _GROUPS:
            distance += 0.05
            self._sums, self._counts = _joined(self._sums, self._counts, distance)


def _joined(sums: Sums, counts: Counts, distance: float) -> tuple[Sums, Counts]:
    if len(sums) < 2:
        return sums, counts
    return grouped(sums, counts, cut(len(sums), average_linkage(sums, counts), distance))
