"""Judging whether decoded text was ever spoken, by its shape and scores alone, never by its wording."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_LETTERS_A_SECOND = 38.0
"""Nobody speaks faster; auctioneers reach about 30."""
FEWEST_LETTERS_A_SECOND = 2.5
"""Less text than this for what voice activity calls speech is a stock phrase put under noise or music."""
IDEOGRAPH_LETTERS = 2.5
"""Letters that one character of Chinese, Japanese or Korean stands for."""
LONGEST_LOOP_PERIOD = 12


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a piece of decoded text."""

    text: str
    speech_seconds: float
    """Voice activity under the text."""
    log_probability: float
    """Average of a token."""
    no_speech: float
    """Whisper's probability that there is no speech."""
    compression: float
    """How many times zlib shrinks the text."""
    confidence: float
    """Mean probability of the words."""
    language_probability: float = 1.0
    """1 if the language was given."""


def verdict(evidence: Evidence) -> str | None:
    """The reason why the text is to be dropped, or None.

    One signal can be wrong on real speech (a refrain repeats, a noisy line has a low probability), so two must agree.
    """
    signals = list(_signals(evidence))
    return signals[0] if len(signals) >= 2 else None


def _signals(evidence: Evidence) -> Sequence[str]:
    signals: list[str] = []
    if evidence.no_speech > 0.6:
        signals.append("no_speech")
    if evidence.compression > 2.4:
        signals.append("repetition")
    if loop_share(evidence.text) > 0.5:
        signals.append("repetition")
    if evidence.log_probability < -1.0 or evidence.confidence < 0.3:
        signals.append("low_probability")
    # Noise is like no language: the best of a hundred gets little.
    if evidence.language_probability < 0.3:
        signals.append("low_probability")
    rate = _letters(evidence.text) / max(evidence.speech_seconds, 0.1)
    if not FEWEST_LETTERS_A_SECOND <= rate <= MOST_LETTERS_A_SECOND:
        signals.append("token_rate")
    return signals


def _letters(text: str) -> float:
    return sum(IDEOGRAPH_LETTERS if ord(character) >= 0x2E80 else 1.0 for character in text)


def loop_share(text: str) -> float:
    """Share of the text's words that lie in a stretch said at least four times in a row, 0 to 1.

    Text without spaces is compared by character.
    """
    words = re.findall(r"\w+", text.lower())
    if len(words) < 8 and len(text) > 40:
        words = list(text)
    looped = 0
    for period in range(1, min(LONGEST_LOOP_PERIOD, len(words) // 4) + 1):
        run = longest = 0
        for first, second in zip(words, words[period:], strict=False):
            run = run + 1 if first == second else 0
            longest = max(longest, run)
        if longest >= 3 * period:
            looped = max(looped, longest + period)
    return looped / len(words) if words else 0.0
