"""Voices: how many there are, and how much each piece sounds like each of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.engines.embedded.clustering import average_linkage, centres, cut
from inference.engines.embedded.networks import Embeddings
from inference.engines.embedded.runs import Piece

DISTANCE = 0.66
"""Largest mean cosine distance inside one voice."""
_CLEAR = 36
"""Frames from which a piece is long enough to found a voice: 0.6 s."""
_FOUNDERS = 6
"""Pieces that a voice needs in a recording that has enough."""

Scores = NDArray[np.float32]
"""Cosine of each piece with each voice, shape `(pieces, voices)`."""


@dataclass(frozen=True, slots=True)
class Voices:
    """The voices of a recording."""

    centres: Embeddings
    scores: Scores


def find_voices(pieces: list[Piece], vectors: Embeddings, *, speakers: int, limit: int) -> Voices:
    """Cluster the pieces into `speakers` voices, or as many as there are, up to `limit`."""
    lengths = np.array([piece.length for piece in pieces])
    clear = lengths >= min(_CLEAR, np.sort(lengths)[-min(len(lengths), 4)])
    founders = vectors[clear]
    least = max(1, min(_FOUNDERS, len(founders) // 8))
    merges = average_linkage(founders.astype(np.float64), np.ones(len(founders)))
    wanted = speakers or limit
    distances = [DISTANCE]
    if speakers:
        distances = [merge.distance for merge in reversed(merges)] + [-1.0]
    for distance in distances:
        assignment = cut(len(founders), merges, distance)
        sizes = np.bincount(assignment)
        kept = np.flatnonzero(sizes >= least) if (sizes >= least).any() else np.array([sizes.argmax()])
        if not speakers or len(kept) >= speakers:
            break
    kept = np.sort(np.argsort(-sizes, kind="stable")[:wanted]) if len(kept) > wanted or speakers else kept
    found = centres(founders, assignment)[kept]
    nearest = np.where(
        np.isin(assignment, kept), np.searchsorted(kept, assignment), (founders @ found.T).argmax(axis=1)
    )
    found = centres(founders, np.minimum(nearest, len(kept) - 1))
    return Voices(found, np.asarray(vectors @ found.T, np.float32))
