"""The voices among pieces: which clusters are voices of their own, and where their centres lie.

Two things are measured between clusters. The mean cosine distance of their vectors grows with the spread that noise
and short pieces give each of them; the cosine of their centres does not, but strays while a cluster was heard in few
sounds. So the nearest are joined first, and how alike their centres must be for that grows with what was heard of both.
A word that is said again and again is heard once: its pieces lie together, and tell no more of the voice than one.

Where two clusters are one voice, split by its sounds, its runs go through both; the runs of two voices keep apart. So
the pieces of one run tell how much likeness to ask for.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inference.engines.embedded.clustering import (
    Assignment,
    Counts,
    Likeness,
    Merge,
    Pairs,
    Sums,
    average_linkage,
    cut,
    grouped,
    joined,
)
from inference.engines.embedded.networks import Embeddings, unit

Curve: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
"""Values at counts, with straight lines between them."""

DISTANCE = 0.7
"""Largest mean cosine distance inside one voice of which little was heard."""
_FOUNDERS = 2
"""Pieces that a voice needs in a recording that has enough."""
_RARE = 400
"""Of so many pieces a voice has one: hours hold more oddities than minutes."""
_NEAR = 0.45
"""Mean distance up to which clusters are one voice anyhow."""
_SOUND = 0.2
"""Mean distance up to which pieces are one sound."""
_FAR: Curve = ((2, 5), (DISTANCE, 0.8))
"""Sounds of the smaller of two clusters, and the largest mean distance for them to be one voice."""
_FAR_MINGLED = 0.8
"""The same for clusters that share runs."""
_SAME: Curve = ((1, 2, 3, 4, 6, 8), (0.0, 0.25, 0.34, 0.38, 0.44, 0.5))
"""The same, and the least cosine of their centres, where runs say nothing.

About where both kinds of error are even among readings of 126 voices, each cut in two, in a wide and in a telephone's
band.
"""
_SAME_MINGLED: Curve = ((1, 2, 3, 4, 6, 8), (0.0, 0.2, 0.28, 0.32, 0.38, 0.42))
"""The same for clusters that share runs: no two voices were as alike that did, by mistakes of the segmentation."""
_SAME_APART: Curve = ((1, 2, 3, 4, 6, 8, 12), (0.0, 0.25, 0.34, 0.42, 0.53, 0.6, 0.65))
"""The same for clusters that share none though they could: lower than of one voice but for one in a hundred."""
_MINGLED, _APART = 0.3, 0.15
"""Neighbours shared, as a part of what chance would share, from which clusters are mingled, and under which apart.

In full at the first, and where none is shared; in between by the straight line.
"""
_HEARSAY = 4.0
"""Neighbours that chance would share from which runs say half of what many would."""
_OTHER: Curve = ((1, 2, 2.5, 3, 4, 8), (0.15, 0.27, 0.345, 0.35, 0.42, 1.0))
"""Sounds of a cluster, and the largest cosine with a larger one for it to be another voice.

Odd pieces of a known voice, few by nature, are nearer to it, but for one in ten.
"""
_ODD = 0.04
"""What that falls by with each doubling of what was heard in all: the more is said, the more of it is said oddly.

From 64 sounds on, some 50 s of speech, to 512.
"""
_OTHER_EARLY: Curve = ((1, 2, 4, 8), (0.25, 0.35, 0.42, 1.0))
"""The same for one who has only begun to speak: what is wrong is put right a moment later."""


def found(
    sums: Sums, counts: Counts, *, neighbours: Pairs, speakers: int, limit: int, early: bool = False
) -> Embeddings:
    """Return the centres of `speakers` voices, or of as many as there are, up to `limit`.

    Rows are groups of unit vectors by their sums and counts; there must be one. `neighbours` are the rows of pieces
    that are near each other in one run. `early` finds voices by a single piece.
    """
    assignment, kept = _clusters(sums, counts, neighbours, speakers=speakers, limit=limit, early=early)
    centres = _centres(sums, assignment, kept)
    # What belongs to no voice of its own goes to the nearest, which moves a little by it.
    homeless = ~np.isin(assignment, kept)
    moved = np.searchsorted(kept, assignment)
    moved[homeless] = (unit(sums[homeless].astype(np.float32)) @ centres.T).argmax(axis=1)
    return _centres(sums, moved, np.arange(len(kept)))


def _clusters(
    sums: Sums, counts: Counts, neighbours: Pairs, *, speakers: int, limit: int, early: bool
) -> tuple[Assignment, NDArray[np.intp]]:
    """Return the cluster of each row, and which clusters are voices."""
    merges = average_linkage(sums, counts)
    founders = 1 if early else _FOUNDERS
    least = max(1.0, min(float(founders), counts.sum() // 8), counts.sum() // _RARE)
    near = cut(len(counts), merges, _NEAR)
    _, first = np.unique(cut(len(counts), merges, _SOUND), return_index=True)
    sounds = np.bincount(near[first], minlength=int(near.max()) + 1).astype(np.float64)
    groups = joined(*grouped(sums, counts, near), sounds, neighbours=near[neighbours], same=_one_voice)
    assignment = groups[near]
    sizes, kept = _large(assignment, counts, least=least)
    # What was heard again says a little more than what was heard once.
    heard = np.minimum(sizes, np.bincount(groups, weights=sounds) + 0.5)
    kept = _apart(sums, assignment, heard, kept, _OTHER_EARLY if early else _other(float(heard.sum())))
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


def _one_voice(likeness: Likeness) -> NDArray[np.bool_]:
    shared = likeness.mingled / np.maximum(likeness.chance, 1e-9)
    heard = likeness.chance / (likeness.chance + _HEARSAY)
    mingled = np.minimum(shared / _MINGLED, 1.0) * heard
    apart = np.maximum(1.0 - shared / _APART, 0.0) * heard
    far, least = np.interp(likeness.sounds, *_FAR), np.interp(likeness.sounds, *_SAME)
    far += mingled * (_FAR_MINGLED - far)
    least += mingled * (np.interp(likeness.sounds, *_SAME_MINGLED) - least)
    least += apart * (np.interp(likeness.sounds, *_SAME_APART) - least)
    one: NDArray[np.bool_] = (likeness.means >= 1.0 - far) & (likeness.centres >= least)
    return one


def _other(heard: float) -> Curve:
    """Return how unlike the others a voice must be that was heard little, in a recording of so many sounds."""
    at, cosines = _OTHER
    less = _ODD * float(np.log2(np.clip(heard, 64, 512) / 64))
    return at, tuple(cosine - less for cosine in cosines)


def _apart(
    sums: Sums,
    assignment: Assignment,
    heard: Counts,
    kept: NDArray[np.intp],
    unlike: Curve,
) -> NDArray[np.intp]:
    """Return the clusters without those heard little that are not clearly another voice than a larger one."""
    apart: list[int] = []
    centres = np.zeros((0, sums.shape[1]))
    for each in kept[np.argsort(-heard[kept], kind="stable")]:
        centre = sums[assignment == each].sum(axis=0)
        centre /= max(1e-9, float(np.linalg.norm(centre)))
        if not apart or float((centres @ centre).max()) <= np.interp(heard[each], *unlike):
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
