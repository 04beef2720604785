"""Clustering: which pieces are one voice, by average linkage over the cosine of their vectors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Assignment = NDArray[np.intp]
"""The cluster of each row, from 0."""
Sums = NDArray[np.float64]
"""Sums of unit vectors, one row a group."""
Counts = NDArray[np.float64]
"""How many vectors each group has."""
Pairs = NDArray[np.intp]
"""Two rows in each row: those of two pieces that are near each other in one run."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is known of pairs of clusters, each array of one shape."""

    means: NDArray[np.float64]
    """Mean cosine of their vectors."""
    centres: NDArray[np.float64]
    """Cosine of their centres."""
    sounds: NDArray[np.float64]
    """Sounds of the one that was heard in fewer."""
    mingled: NDArray[np.float64]
    """Neighbours in a run of which each has one."""
    chance: NDArray[np.float64]
    """How many that would be if the neighbours of both came from them by their sizes alone, whichever is fewer."""


Same: TypeAlias = Callable[[Likeness], NDArray[np.bool_]]
"""Whether clusters are one voice."""

_BLOCK = 64
"""Rows that are compared with all at once, so that hours need no more memory than their matrices."""


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


def joined(sums: Sums, counts: Counts, sounds: Counts, *, neighbours: Pairs, same: Same) -> Assignment:
    """Return the clusters that are left when of all pairs that are one voice the nearest is made one, again and again.

    As near as average linkage has it, by the mean cosine of the vectors of both. `sounds` are the different sounds that
    each row was heard in, `neighbours` the rows of pieces that are near each other in one run; what two clusters were
    not taken for is asked again when one of them has grown.
    """
    parts = [[row] for row in range(len(sums))]
    products = sums @ sums.T
    counts, sounds = counts.copy(), sounds.copy()
    alive = np.ones(len(sums), bool)
    links = np.zeros_like(products)
    np.add.at(links, (neighbours[:, 0], neighbours[:, 1]), 1.0)
    links += links.T

    def nearness(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        lengths = np.sqrt(np.maximum(np.diag(products), 1e-12))
        within = np.diag(links)
        share = counts[rows, None] / (counts[rows, None] + counts)
        mine, others = within[rows, None] + links[rows], within + links[rows]
        likeness = Likeness(
            means=products[rows] / (counts[rows, None] * counts),
            centres=products[rows] / (lengths[rows, None] * lengths),
            sounds=np.minimum(sounds[rows, None], sounds),
            mingled=links[rows],
            chance=np.minimum(mine * (1 - share), others * share),
        )
        one = same(likeness) & alive
        one[np.arange(len(rows)), rows] = False
        return np.where(one, likeness.means, -np.inf)

    blocks = np.array_split(np.arange(len(sums)), len(sums) // _BLOCK + 1)
    near = np.concatenate([nearness(block) for block in blocks])
    while near.size:
        left, right = sorted(divmod(int(near.argmax()), len(sums)))
        if near[left, right] == -np.inf:
            break
        products[left] += products[right]
        products[:, left] += products[:, right]
        links[left] += links[right]
        links[:, left] += links[:, right]
        counts[left] += counts[right]
        sounds[left] += sounds[right]
        parts[left] += parts[right]
        parts[right] = []
        alive[right] = False
        near[left] = near[:, left] = nearness(np.array([left]))[0]
        near[right] = near[:, right] = -np.inf
    assignment = np.zeros(len(sums), np.intp)
    for number, members in enumerate(part for part in parts if part):
        assignment[members] = number
    return assignment


def grouped(sums: Sums, counts: Counts, assignment: Assignment) -> tuple[Sums, Counts]:
    """Return the sum and count of each cluster."""
    joined = np.zeros((int(assignment.max()) + 1, sums.shape[1]))
    np.add.at(joined, assignment, sums)
    return joined, np.bincount(assignment, weights=counts).astype(np.float64)
