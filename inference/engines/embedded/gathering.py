"""The gathering: all pieces of a stream with their vectors, and the voices that are found among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.engines.embedded.channel import Bands, Channel, centred, channel_of
from inference.engines.embedded.clustering import Assignment, Counts, Merge, Sums, average_linkage, cut
from inference.engines.embedded.networks import Embeddings, unit
from inference.engines.embedded.runs import Piece

DISTANCE = 0.68
"""Largest mean cosine distance inside one voice."""
CLEAR = 36
"""Frames from which a piece is long enough to found a voice: 0.6 s."""
_FOUNDERS = 6
"""Pieces that a voice needs in a recording that has enough."""
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
        self, *, speakers: int, limit: int, ahead: Sequence[Piece] = (), vectors_ahead: Embeddings | None = None
    ) -> Voices:
        """Cluster the pieces into `speakers` voices, or as many as there are, up to `limit`. There must be a piece.

        `ahead` are pieces that are not taken yet, with centred vectors.
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
        assignment, kept = _clusters(sums, counts, speakers=speakers, limit=limit)
        centres = _centres(sums, assignment, kept)
        # What belongs to no voice of its own goes to the nearest, which moves a little by it.
        homeless = ~np.isin(assignment, kept)
        moved = np.searchsorted(kept, assignment)
        moved[homeless] = (unit(sums[homeless].astype(np.float32)) @ centres.T).argmax(axis=1)
        centres = _centres(sums, moved, np.arange(len(kept)))
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
    assignment = cut(len(sums), average_linkage(sums, counts), distance)
    joined = np.zeros((int(assignment.max()) + 1, sums.shape[1]))
    np.add.at(joined, assignment, sums)
    return joined, np.bincount(assignment, weights=counts).astype(np.float64)


def _clusters(sums: Sums, counts: Counts, *, speakers: int, limit: int) -> tuple[Assignment, NDArray[np.intp]]:
    """Return the cluster of each row, and which clusters are voices."""
    merges = average_linkage(sums, counts)
    least = max(1.0, min(float(_FOUNDERS), counts.sum() // 8))
    assignment, sizes, kept = _cut(merges, counts, DISTANCE, least=least)
    if speakers and len(kept) != speakers:
        for distance in _levels(merges):
            assignment, sizes, kept = _cut(merges, counts, distance, least=least)
            if len(kept) >= speakers:
                break
    wanted = speakers or limit
    if len(kept) > wanted or (speakers and len(kept) < speakers):
        kept = np.sort(np.argsort(-sizes, kind="stable")[:wanted])
    return assignment, kept


def _levels(merges: list[Merge]) -> list[float]:
    """Return the distances at which the number of clusters changes, from few clusters to many."""
    return [merge.distance for merge in reversed(merges)] + [-1.0]


def _cut(
    merges: list[Merge], counts: Counts, distance: float, *, least: float
) -> tuple[Assignment, Counts, NDArray[np.intp]]:
    assignment = cut(len(counts), merges, distance)
    sizes = np.bincount(assignment, weights=counts).astype(np.float64)
    kept = np.flatnonzero(sizes >= least)
    return assignment, sizes, kept if len(kept) else np.array([sizes.argmax()])


def _centres(sums: Sums, assignment: Assignment, kept: NDArray[np.intp]) -> Embeddings:
    return unit(np.stack([sums[assignment == each].sum(axis=0) for each in kept]).astype(np.float32))
