"""The segments that a line of a summary rests on: those that share its rarest words."""

from collections import Counter
from collections.abc import Iterable

from summarizer import terms
from summarizer.types import Utterance


class Citations:
    """Finds segments of a transcript by the words of a line."""

    def __init__(self, utterances: Iterable[Utterance]) -> None:
        self._segments = [
            (utterance.segments[0], terms.stems(utterance.line))
            for utterance in utterances
            if len(utterance.segments) == 1
        ]
        self._spread = Counter(stem for _, stems in self._segments for stem in stems)

    def cite(self, text: str, *, most: int = 3) -> tuple[str, ...]:
        """Return at most so many segment ids, in the order of the transcript."""
        stems = terms.stems(text)
        scores = {
            number: sum(1.0 / self._spread[stem] for stem in stems & said)
            for number, (_, said) in enumerate(self._segments)
            if stems & said
        }
        if not scores:
            return ()
        best = max(scores.values())
        chosen = sorted(scores, key=lambda number: -scores[number])[:most]
        return tuple(self._segments[number][0] for number in sorted(chosen) if scores[number] >= 0.5 * best)
