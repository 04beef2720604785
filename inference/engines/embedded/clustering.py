"""Clustering: which pieces are one voice, by average linkage over the cosine of their vectors."""

from collections.abc import Callable
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


def held_apart(sums: Sums, counts: Counts, distance: float, *, refused: Callable[[float, float], bool]) -> Assignment:
    """Return the clusters that average linkage leaves at a distance when some merges are refused.

    `refused` is asked with the cosine of the two centres, which unlike the distance does not grow with the spread of
    either, and with the count of the smaller. For few rows: each merge looks at all pairs.
    """
    parts = [[row] for row in range(len(sums))]
    sums, counts = sums.copy(), counts.copy()
    means = sums / counts[:, None]
    closeness = means @ means.T
    np.fill_diagonal(closeness, -np.inf)
    while len(sums) > 1:
        left, right = sorted(divmod(int(closeness.argmax()), len(sums)))
        if not 1.0 - closeness[left, right] <= distance:
            break
        likeness = sums[left] @ sums[right] / max(np.linalg.norm(sums[left]) * np.linalg.norm(sums[right]), 1e-12)
        if refused(float(likeness), float(min(counts[left], counts[right]))):
            closeness[left, right] = closeness[right, left] = -np.inf
            continue
        joined = (closeness[left] * counts[left] + closeness[right] * counts[right]) / (counts[left] + counts[right])
        joined[[left, right]] = -np.inf
        closeness[left] = closeness[:, left] = joined
        closeness[right] = closeness[:, right] = -np.inf
        sums[left] += sums[right]
        counts[left] += counts[right]
        parts[left] += parts[right]
        parts[right] = []
    assignment = np.zeros(len(sums), np.intp)
    for number, members in enumerate(part for part in parts if part):
        assignment[members] = number
    return assignment


def grouped(sums: Sums, counts: Counts, assignment: Assignment) -> tuple[Sums, Counts]:
    """Return the sum and count of each cluster."""
    joined = np.zeros((int(assignment.max()) + 1, sums.shape[1]))
    np.add.at(joined, assignment, sums)
    return joined, np.bincount(assignment, weights=counts).astype(np.float64)
