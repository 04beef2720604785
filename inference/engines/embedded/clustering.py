"""Clustering: which pieces are one voice, by average linkage over the cosine of their vectors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.engines.embedded.networks import Embeddings, unit

Assignment = NDArray[np.intp]
"""The cluster of each row, from 0."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two clusters become one at a distance; names are the first rows of each."""

    left: int
    right: int
    distance: float


def average_linkage(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> list[Merge]:
    """Return all merges, nearest first.

    A row is a group of vectors of length 1 with its sum and count, so that the mean cosine between two groups is the
    product of their means. Nearest-neighbour chains (Murtagh, 1983) need memory for the rows alone.
    """
    means = sums / counts[:, None]
    counts = counts.copy()
    alive = np.ones(len(means), bool)
    merges: list[Merge] = []
    chain: list[int] = []
    while len(merges) < len(means) - 1:
        if not chain:
            chain.append(int(np.flatnonzero(alive)[0]))
        while True:
            tip = chain[-1]
            closeness = np.where(alive, means @ means[tip], -np.inf)
            closeness[tip] = -np.inf
            near = int(closeness.argmax())
            # Equal but for rounding is equal too: a chain that bites itself would never end.
            if len(chain) > 1 and (closeness[chain[-2]] >= closeness[near] or near in chain):
                near = chain[-2]
                break
            chain.append(near)
        del chain[-2:]
        left, right = sorted((tip, near))
        merges.append(Merge(left, right, 1.0 - float(closeness[near])))
        total = counts[left] + counts[right]
        means[left] = (means[left] * counts[left] + means[right] * counts[right]) / total
        counts[left] = total
        alive[right] = False
    return sorted(merges, key=lambda merge: merge.distance)


def cut(rows: int, merges: list[Merge], distance: float) -> Assignment:
    """Return the clusters that are left when merges beyond a distance are undone."""
    parent = np.arange(rows)

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = int(parent[row])
        return row

    for merge in merges:
        if merge.distance > distance:
            break
        left, right = root(merge.left), root(merge.right)
        parent[max(left, right)] = min(left, right)
    return np.unique([root(row) for row in range(rows)], return_inverse=True)[1]


def centres(vectors: Embeddings, assignment: Assignment) -> Embeddings:
    """Return the direction of each cluster."""
    return unit(np.stack([vectors[assignment == each].mean(axis=0) for each in range(int(assignment.max()) + 1)]))
