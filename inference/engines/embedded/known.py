"""The known voices of a live stream: their numbers, which stay, while the clusters behind them move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from inference.engines.diarization import Merged
from inference.engines.embedded.clustering import average_linkage, cut
from inference.engines.embedded.gathering import DISTANCE
from inference.engines.embedded.networks import Embeddings, unit

_ALIKE = 0.5
"""Least cosine of a cluster with a known voice for it to be that voice: clusters of one voice move little."""
_PATIENCE = 4
"""Clusterings that a voice may be missing from before its number is given up."""
_SECONDS = 1.2
"""Speech from which a new voice gets a number."""


@dataclass(slots=True)
class _Known:
    number: int
    centre: NDArray[np.float32]
    weight: float
    """Pieces behind the centre."""
    missing: int = 0
    young: bool = True
    """Whether no clustering has found it yet."""


class KnownVoices:
    """Numbers voices in the order in which they are found."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: list[_Known] = []
        self._last = 0

    @property
    def numbers(self) -> list[int]:
        """The number of each centre."""
        return [known.number for known in self._known]

    @property
    def centres(self) -> Embeddings:
        """One row a voice; there may be none."""
        return np.stack([known.centre for known in self._known]) if self._known else np.zeros((0, 192), np.float32)

    def meet(self, vectors: Embeddings, seconds: NDArray[np.float64]) -> None:
        """Give numbers to voices among the newest pieces that are none of the known; `seconds` are the pieces' own."""
        if not len(vectors):
            return
        weights = np.array([known.weight for known in self._known])
        sums = np.concatenate([self.centres * weights[:, None], vectors]).astype(np.float64)
        counts = np.concatenate([weights, np.ones(len(vectors))])
        assignment = cut(len(sums), average_linkage(sums, counts), DISTANCE)
        taken = set(assignment[: len(weights)].tolist())
        for cluster in dict.fromkeys(assignment[len(weights) :].tolist()):
            members = assignment[len(weights) :] == cluster
            if cluster in taken or seconds[members].sum() < (_SECONDS if self._known else 0.0):
                continue
            if len(self._known) < self._limit:
                self._add(unit(vectors[members].mean(axis=0)), float(members.sum()))

    def learn(self, centres: Embeddings, weights: NDArray[np.float64]) -> list[Merged]:
        """Take the clusters of all that was heard: move centres, add voices, tell which numbers were one voice."""
        matches = self._matches(centres)
        for cluster, known in matches.items():
            known.centre, known.weight, known.missing, known.young = centres[cluster], float(weights[cluster]), 0, False
        for cluster in range(len(centres)):
            if cluster not in matches:
                matches[cluster] = self._add(centres[cluster], float(weights[cluster]), young=False)
        return self._forget(list(matches.values()))

    def number_of(self, centres: Embeddings) -> list[int]:
        """Return the numbers of the final clusters, new ones for voices that were never met."""
        matches = self._matches(centres)
        return [
            (matches[cluster] if cluster in matches else self._add(centres[cluster], 1.0)).number
            for cluster in range(len(centres))
        ]

    def _add(self, centre: NDArray[np.float32], weight: float, *, young: bool = True) -> _Known:
        self._last += 1
        known = _Known(self._last, centre, weight, young=young)
        self._known.append(known)
        return known

    def _matches(self, centres: Embeddings) -> dict[int, _Known]:
        closeness = centres @ self.centres.T
        rows, columns = linear_sum_assignment(closeness, maximize=True)
        return {
            int(row): self._known[column]
            for row, column in zip(rows, columns, strict=True)
            if closeness[row, column] >= _ALIKE
        }

    def _forget(self, found: list[_Known]) -> list[Merged]:
        """Give up the numbers that no clustering has found for a while; those that were found once were another's."""
        merged: list[Merged] = []
        for known in list(self._known):
            if any(known is each for each in found):
                continue
            known.missing += 1
            if known.missing >= _PATIENCE:
                self._known.remove(known)
                nearest = max(found, key=lambda each: float(each.centre @ known.centre), default=None)
                if nearest is not None:
                    merged.append(Merged(gone=known.number, kept=nearest.number))
        return merged
