"""The most central utterances of a transcript, word for word: what is left when no model's text stood the check.

TextRank (Mihalcea and Tarau, 2004) over the overlap of content words. It also is the baseline of the benchmark.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from summarizer.shape import sentences
from summarizer.types import Utterance

MODEL = "extractive"
"""What a summary of this kind is signed with."""

_WORD = re.compile(r"[^\W\d_]{4,}")
_MOST = 400
"""Sentences that are ranked: the longest of a long transcript, since the work grows with the square."""
_DAMPING = 0.85
_ROUNDS = 20


def central(utterances: Sequence[Utterance], *, most: int) -> list[Utterance]:
    """Return at most so many sentences, in the order of the transcript."""
    spoken = [
        Utterance(utterance.speaker, sentence, utterance.segments)
        for utterance in utterances
        for sentence in sentences(utterance.text)
    ]
    bags = [Counter(_WORD.findall(each.text.lower())) for each in spoken]
    ranked = sorted(range(len(spoken)), key=lambda number: -len(bags[number]))[:_MOST]
    scores = _rank([bags[number] for number in ranked])
    chosen = sorted(zip(scores, ranked, strict=True), reverse=True)[:most]
    return [spoken[number] for _, number in sorted(chosen, key=lambda pair: pair[1])]


def _rank(bags: Sequence[Counter[str]]) -> list[float]:
    weights = [
        [0.0 if i == j else _similarity(left, right) for j, right in enumerate(bags)] for i, left in enumerate(bags)
    ]
    sums = [sum(row) or 1.0 for row in weights]
    scores = [1.0] * len(bags)
    for _ in range(_ROUNDS):
        scores = [
            1 - _DAMPING + _DAMPING * sum(weights[j][i] / sums[j] * scores[j] for j in range(len(bags)))
            for i in range(len(bags))
        ]
    return scores


def _similarity(left: Counter[str], right: Counter[str]) -> float:
    shared = len(left.keys() & right.keys())
    if not shared or len(left) < 2 or len(right) < 2:
        return 0.0
    return shared / (math.log(len(left)) + math.log(len(right)))
