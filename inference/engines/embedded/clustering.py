"""Clustering: which pieces are one voice, by average linkage over the cosine of their vectors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Assignment = NDArray[np.intp]
"""The cluster of each row, from 0."""
Sums = NDArray[np.float64]
"""Sums of unit vectors, one row a group."""
Counts = NDArray[np.float64]
"""How many vectors each group has."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two clusters become one at a distance; names are the first rows of each."""

    left: int
    right: int
    distance: float


def average_linkage(sums: Sums, counts: Counts) -> list[Merge]:
    """Return all merges, nearest first.

    A row is a group of unit vectors by its sum and count, so that the mean cosine between two groups is the product
    of their means. Nearest-neighbour chains (Murtagh, 1983) over the matrix of cosines, updated by Lance and Williams.
    """
    means = sums / counts[:, None]
    closeness = means @ means.T
    np.fill_diagonal(closeness, -np.inf)
    counts = counts.copy()
    alive = np.ones(len(means), bool)
    merges: list[Merge] = []
    chain: list[int] = []
    while len(merges) < len(means) - 1:
        if not chain:
            chain.append(int(alive.argmax()))
        while True:
            tip = chain[-1]
            near = int(closeness[tip].argmax())
            # Equal but for rounding is equal too: a chain that bites itself would never end.
            if len(chain) > 1 and (closeness[tip, chain[-2]] >= closeness[tip, near] or near in chain):
                near = chain[-2]
                break
            chain.append(near)
        del chain[-2:]
        left, right = sorted((tip, near))
        merges.append(Merge(left, right, 1.0 - float(closeness[left, right])))
        joined = (closeness[left] * counts[left] + closeness[right] * counts[right]) / (counts[left] + counts[right])
        joined[[left, right]] = -np.inf
        closeness[left] = closeness[:, left] = joined
        closeness[right] = closeness[:, right] = -np.inf
        counts[left] += counts[right]
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
