"""Whether what one sentence tells was said in one place: small models join halves of what is far apart."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from summarizer import terms
from summarizer.types import Utterance

_WINDOW = 6
"""Turns that make one place."""
_SHARE = 0.6
"""Least share of a sentence's weight that one place must have."""
_LEAST = 3
"""Words with weight that a sentence needs to be judged."""


def weights(turns: Sequence[AbstractSet[str]]) -> dict[str, float]:
    """Return how much each stem says: more, the fewer turns it is said in."""
    spread = Counter(stem for stems in turns for stem in stems)
    return {stem: math.log(1 + len(turns) / count) for stem, count in spread.items()}


def heaviest(hits: Sequence[tuple[int, AbstractSet[str]]], weight: Mapping[str, float]) -> float:
    """Return the most weight of stems that stand in one place. `hits`: turns in their order, and stems of each."""
    best = 0.0
    for number, (start, _) in enumerate(hits):
        near = [said for turn, said in hits[number : number + _WINDOW] if turn < start + _WINDOW]
        best = max(best, sum(weight[stem] for stem in set().union(*near)))
    return best


class Nearness:
    """Knows which words of a transcript were said near each other."""

    def __init__(self, spoken: Sequence[Utterance]) -> None:
        self._turns = [terms.stems(utterance.line) for utterance in spoken]
        self._speakers = {stem for utterance in spoken for stem in terms.stems(utterance.speaker)}
        self._weight = weights(self._turns)

    def holds(self, sentence: str, *, given: str) -> bool:
        """Say whether most of what the transcript has of a sentence stands in one place.

        Rare words weigh more. The words of `given`, what the summary is about, may come from anywhere.
        """
        stems = (terms.stems(sentence) & self._weight.keys()) - self._speakers - terms.stems(given)
        if len(stems) < _LEAST:
            return True
        hits = [(turn, said & stems) for turn, said in enumerate(self._turns) if said & stems]
        return heaviest(hits, self._weight) >= _SHARE * sum(self._weight[stem] for stem in stems)
