"""The known voices of a live stream: their numbers, which stay, while the clusters behind them move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from inference.engines.diarization import Merged
from inference.engines.embedded.clustering import average_linkage, cut
from inference.engines.embedded.networks import Embeddings, unit
from inference.engines.embedded.voices import DISTANCE

_ALIKE = 0.3
"""Least cosine of a cluster with a known voice for it to be that voice, which few pieces may have shown badly."""
_PATIENCE = 15.0
"""Seconds that a voice may be missing before its number is given up."""
_SECONDS = 2.0
"""Speech from which a new voice gets a number."""


@dataclass(slots=True)
class _Known:
    number: int
    centre: NDArray[np.float32]
    weight: float
    """Pieces behind the centre."""
    seen: float
    """Time at which it was last found."""


class KnownVoices:
    """Numbers voices in the order in which they are found."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: list[_Known] = []
        self._present: list[_Known] = []
        self._last = 0

    @property
    def numbers(self) -> list[int]:
        """The number of each voice that the last clustering found or that was met since."""
        return [known.number for known in self._present]

    @property
    def centres(self) -> Embeddings:
        """The directions of those voices; there may be none."""
        return _stacked(self._present)

    def meet(self, vectors: Embeddings, seconds: NDArray[np.float64], *, now: float) -> None:
        """Give numbers to voices among the newest pieces that are none of the known; `seconds` are the pieces' own."""
        if not len(vectors):
            return
        weights = np.array([known.weight for known in self._present])
        sums = np.concatenate([self.centres * weights[:, None], vectors]).astype(np.float64)
        counts = np.concatenate([weights, np.ones(len(vectors))])
        assignment = cut(len(sums), average_linkage(sums, counts), DISTANCE)
        taken = set(assignment[: len(weights)].tolist())
        for cluster in dict.fromkeys(assignment[len(weights) :].tolist()):
            members = assignment[len(weights) :] == cluster
            if cluster in taken or seconds[members].sum() < _SECONDS:
                continue
            if len(self._present) < self._limit:
                self._present.append(self._add(unit(vectors[members].mean(axis=0)), float(members.sum()), now))

    def learn(self, centres: Embeddings, weights: NDArray[np.float64], *, now: float) -> list[Merged]:
        """Take the clusters of all that was heard: move centres, add voices, tell which numbers were one voice."""
        matches = self._matches(centres)
        for cluster, known in matches.items():
            known.centre, known.weight, known.seen = centres[cluster], float(weights[cluster]), now
        self._present = [
            matches[cluster] if cluster in matches else self._add(centres[cluster], float(weights[cluster]), now)
            for cluster in range(len(centres))
        ]
        return self._forget(now)

    def number_of(self, centres: Embeddings) -> list[int]:
        """Return the numbers of the final clusters, new ones for voices that were never met."""
        matches = self._matches(centres)
        return [
            (matches[cluster] if cluster in matches else self._add(centres[cluster], 1.0, np.inf)).number
            for cluster in range(len(centres))
        ]

    def _add(self, centre: NDArray[np.float32], weight: float, now: float) -> _Known:
        self._last += 1
        known = _Known(self._last, centre, weight, now)
        self._known.append(known)
        return known

    def _matches(self, centres: Embeddings) -> dict[int, _Known]:
        closeness = centres @ _stacked(self._known).T
        rows, columns = linear_sum_assignment(closeness, maximize=True)
        return {
            int(row): self._known[column]
            for row, column in zip(rows, columns, strict=True)
            if closeness[row, column] >= _ALIKE
        }

    def _forget(self, now: float) -> list[Merged]:
        """Give up the numbers that were not found for a while: they were the voice that is nearest to them."""
        merged: list[Merged] = []
        for known in [each for each in self._known if now - each.seen > _PATIENCE]:
            self._known.remove(known)
            nearest = max(self._present, key=lambda each: float(each.centre @ known.centre), default=None)
            if nearest is not None:
                merged.append(Merged(gone=known.number, kept=nearest.number))
        return merged


def _stacked(voices: list[_Known]) -> Embeddings:
    return np.stack([voice.centre for voice in voices]) if voices else np.zeros((0, 192), np.float32)
