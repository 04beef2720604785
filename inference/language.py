"""Voting on the language of a recording by the scores of several of its windows."""

import math
from collections.abc import Sequence

from inference.types import LanguageScores

LEAST_SCORE = 1e-4
"""What a language gets at least from a window: music or noise in one must not veto the right language."""


def vote(scores: Sequence[LanguageScores], seconds: Sequence[float]) -> tuple[str, float]:
    """The language that explains all windows best, and its share of the vote, 0 to 1; `("", 0.0)` without a window.

    `seconds` holds the speech of each window. Log scores are averaged by seconds, which is how independent evidence
    adds up, each floored so that no window decides alone.
    """
    ballots = [(one.scores, weight) for one, weight in zip(scores, seconds, strict=True) if one.scores]
    if not ballots:
        return "", 0.0
    # A window whose voice activity is empty still says a little.
    ballots = [(one, max(weight, 0.1)) for one, weight in ballots]
    total = sum(weight for _, weight in ballots)
    means = {
        language: sum(math.log(max(one.get(language, 0.0), LEAST_SCORE)) * weight for one, weight in ballots) / total
        for language in {language for one, _ in ballots for language in one}
    }
    best = max(means.values())
    shares = {language: math.exp(mean - best) for language, mean in means.items()}
    winner = min(shares, key=lambda language: (-shares[language], language))
    return winner, shares[winner] / sum(shares.values())
