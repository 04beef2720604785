"""The tentative text of speech that goes on: what two hypotheses in a row agree on is stable.

LocalAgreement-2 of Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition" (2020).
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What an utterance may say."""

    text: str = ""
    stable: int = 0
    """Characters at the start of `text` that the hypothesis before had too."""

    def follow(self, text: str) -> "Hypothesis":
        """Return the next hypothesis of the same utterance."""
        return Hypothesis(text, _common(self.text, text))


def joined(hypotheses: list[Hypothesis]) -> Hypothesis:
    """Return the hypotheses of utterances in a row as one; what follows an unstable word is not stable."""
    text, stable, settled = "", 0, True
    for hypothesis in hypotheses:
        if not hypothesis.text:
            continue
        offset = len(text) + 1 if text else 0
        text = f"{text} {hypothesis.text}" if text else hypothesis.text
        if settled and hypothesis.stable:
            stable = offset + hypothesis.stable
        settled = settled and hypothesis.stable == len(hypothesis.text)
    return Hypothesis(text, stable)


def without_loop(text: str) -> str:
    """Return the text without a run of words that is said again at its end: a draft's short context invites that."""
    pieces = _pieces(text)
    words = [piece for piece, _ in pieces]
    for length in range(len(words) // 2, 2, -1):
        if words[-length:] == words[-2 * length : -length]:
            return text[: pieces[-length - 1][1]]
    return text


def _common(before: str, after: str) -> int:
    """Return the length of the part of `after` whose words `before` has too, whatever their case and punctuation."""
    known, end = _pieces(before), 0
    for (piece, at), other in zip(_pieces(after), known, strict=False):
        if piece != other[0]:
            break
        end = at
    return end


def _pieces(text: str) -> list[tuple[str, int]]:
    """Words, or single characters where a script has no spaces, with where each ends."""
    return [
        (match[0].casefold(), match.end())
        for match in re.finditer(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]|[^\W_]+(?:['\u2019][^\W_]+)*", text)
    ]
