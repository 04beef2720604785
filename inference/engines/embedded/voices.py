"""The voices among pieces: which clusters are voices of their own, and where their centres lie.

Two things are measured between clusters. The mean cosine distance of their vectors grows with the spread that noise
and short pieces give each of them; the cosine of their centres does not, but strays while a cluster is small. So the
first decides what is joined, and the second what is held apart or is no voice of its own.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inference.engines.embedded.clustering import (
    Assignment,
    Counts,
    Merge,
    Sums,
    average_linkage,
    cut,
    grouped,
    held_apart,
)
from inference.engines.embedded.networks import Embeddings, unit

Curve: TypeAlias = tuple[tuple[int, ...], tuple[float, ...]]
"""Values at counts of pieces, with straight lines between them."""

DISTANCE = 0.7
"""Largest mean cosine distance inside one voice."""
_FOUNDERS = 2
"""Pieces that a voice needs in a recording that has enough."""
_RARE = 400
"""Of so many pieces a voice has one: hours hold more oddities than minutes."""
_NEAR = 0.45
"""Mean distance up to which clusters are one voice anyhow."""
_SAME = ((8, 12), (0.5, 0.57))
"""Pieces of the smaller of two clusters, and the least cosine of their centres for them to be one voice.

Parts of one voice of 12 pieces had 0.58 and more, different voices up to 0.54.
"""
_OTHER = ((1, 2, 4, 8), (0.15, 0.3, 0.42, 1.0))
"""Pieces of a cluster, and the largest cosine with a larger one for it to be another voice.

Odd pieces of a known voice, few by nature, stay near it: 0.45 and more but for one in ten.
"""
_OTHER_EARLY = ((1, 2, 4, 8), (0.25, 0.35, 0.42, 1.0))
"""The same for one who has only begun to speak: what is wrong is put right a moment later."""


def found(sums: Sums, counts: Counts, *, speakers: int, limit: int, early: bool = False) -> Embeddings:
    """Return the centres of `speakers` voices, or of as many as there are, up to `limit`.

    Rows are groups of unit vectors by their sums and counts; there must be one. `early` finds voices by a single piece.
    """
    assignment, kept = _clusters(sums, counts, speakers=speakers, limit=limit, early=early)
    centres = _centres(sums, assignment, kept)
    # What belongs to no voice of its own goes to the nearest, which moves a little by it.
    homeless = ~np.isin(assignment, kept)
    moved = np.searchsorted(kept, assignment)
    moved[homeless] = (unit(sums[homeless].astype(np.float32)) @ centres.T).argmax(axis=1)
    return _centres(sums, moved, np.arange(len(kept)))


def _clusters(
    sums: Sums, counts: Counts, *, speakers: int, limit: int, early: bool
) -> tuple[Assignment, NDArray[np.intp]]:
    """Return the cluster of each row, and which clusters are voices."""
    merges = average_linkage(sums, counts)
    founders = 1 if early else _FOUNDERS
    least = max(1.0, min(float(founders), counts.sum() // 8), counts.sum() // _RARE)
    near = cut(len(counts), merges, _NEAR)
    assignment = held_apart(*grouped(sums, counts, near), DISTANCE, refused=_differ)[near]
    sizes, kept = _large(assignment, counts, least=least)
    kept = _apart(sums, assignment, sizes, kept, _OTHER_EARLY if early else _OTHER)
    if speakers and len(kept) != speakers:
        for distance in _levels(merges):
            assignment = cut(len(counts), merges, distance)
            sizes, kept = _large(assignment, counts, least=least)
            if len(kept) >= speakers:
                break
    wanted = speakers or limit
    if len(kept) > wanted or (speakers and len(kept) < speakers):
        kept = np.sort(np.argsort(-sizes, kind="stable")[:wanted])
    return assignment, kept


def _differ(likeness: float, size: float) -> bool:
    """Whether two clusters are two voices although their pieces lie near."""
    return bool(likeness < np.interp(size, *_SAME, left=-1.0))


def _apart(
    sums: Sums,
    assignment: Assignment,
    sizes: Counts,
    kept: NDArray[np.intp],
    unlike: Curve,
) -> NDArray[np.intp]:
    """Return the clusters without the small ones that are not clearly another voice than a larger one."""
    apart: list[int] = []
    centres = np.zeros((0, sums.shape[1]))
    for each in kept[np.argsort(-sizes[kept], kind="stable")]:
        centre = sums[assignment == each].sum(axis=0)
        centre /= max(1e-9, float(np.linalg.norm(centre)))
        if not apart or float((centres @ centre).max()) <= np.interp(sizes[each], *unlike):
            apart.append(int(each))
            centres = np.concatenate([centres, centre[None]])
    return np.sort(np.array(apart, np.intp))


def _levels(merges: list[Merge]) -> list[float]:
    """Return the distances at which the number of clusters changes, from few clusters to many."""
    return [merge.distance for merge in reversed(merges)] + [-1.0]


def _large(assignment: Assignment, counts: Counts, *, least: float) -> tuple[Counts, NDArray[np.intp]]:
    sizes = np.bincount(assignment, weights=counts).astype(np.float64)
    kept = np.flatnonzero(sizes >= least)
    return sizes, kept if len(kept) else np.array([sizes.argmax()])


def _centres(sums: Sums, assignment: Assignment, kept: NDArray[np.intp]) -> Embeddings:
    return unit(np.stack([sums[assignment == each].sum(axis=0) for each in kept]).astype(np.float32))
