"""Splitting a run of words into segments that a person can read: at sentence ends, at pauses, never too long."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.types import Word

SENTENCE_ENDS = (".", "?", "!", "。", "？", "！", "…", "।", "؟")  # noqa: RUF001 - punctuation of other scripts is meant
CLAUSE_ENDS = (",", ";", ":", "，", "、", "；", "：", "،")  # noqa: RUF001 - punctuation of other scripts is meant
CLOSING = "\"'”’)]}»」』"  # noqa: RUF001 - punctuation of other scripts is meant


@dataclass(frozen=True, slots=True)
class Shape:
    """What a readable segment looks like."""

    most_seconds: float = 12.0
    most_characters: int = 160
    pause_seconds: float = 1.0
    """A silence that always ends a segment."""
    least_seconds: float = 1.0
    """A sentence shorter than this stays with the next one unless a pause follows."""
    short_pause_seconds: float = 0.4
    """The pause that sets a short sentence apart."""


DEFAULT_SHAPE = Shape()


def split(words: Sequence[Word], *, shape: Shape = DEFAULT_SHAPE) -> list[tuple[Word, ...]]:
    """Runs of words, in order, none lost and none empty."""
    runs: list[tuple[Word, ...]] = []
    first = 0
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else None
        if following is None or _ends(words[first], word, following, shape):
            runs += _fit(tuple(words[first : index + 1]), shape)
            first = index + 1
    return runs


def text_of(words: Sequence[Word]) -> str:
    """Running text, spaced as the language is written."""
    pieces = ((" " if word.space_before and index else "") + word.text for index, word in enumerate(words))
    return "".join(pieces)


def _ends(first: Word, word: Word, following: Word, shape: Shape) -> bool:
    pause = following.start - word.end
    if pause >= shape.pause_seconds:
        return True
    if not _closes_sentence(word, following):
        return False
    return word.end - first.start >= shape.least_seconds or pause >= shape.short_pause_seconds


def _closes_sentence(word: Word, following: Word) -> bool:
    bare = word.text.rstrip(CLOSING)
    if not bare.endswith(SENTENCE_ENDS):
        return False
    # "Mr. Smith" and "J. S. Bach": a short capitalised word and no pause after it.
    abbreviation = bare.endswith(".") and len(bare) <= 4 and bare[0].isupper() and following.start - word.end < 0.15
    return not abbreviation and not following.text[0].islower()


def _fit(words: tuple[Word, ...], shape: Shape) -> list[tuple[Word, ...]]:
    """Halve what is too long, where it hurts least, until everything fits."""
    if len(words) < 2 or (
        words[-1].end - words[0].start <= shape.most_seconds and len(text_of(words)) <= shape.most_characters
    ):
        return [words]
    middle = (words[0].start + words[-1].end) / 2
    length = max(words[-1].end - words[0].start, 0.001)

    def cost(cut: int) -> float:
        before, after = words[cut - 1], words[cut]
        comfort = min(after.start - before.end, 1.0) + (0.5 if before.text.endswith(CLAUSE_ENDS) else 0.0)
        return 2 * abs((before.end + after.start) / 2 - middle) / length - comfort

    cut = min(range(1, len(words)), key=cost)
    return [*_fit(words[:cut], shape), *_fit(words[cut:], shape)]
