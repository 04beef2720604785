"""Comparing results of an engine: what is said exactly, numbers up to the last digits of a sum."""

from collections.abc import Sequence

import pytest

from inference.types import Decoded


def assert_alike(results: Sequence[Decoded], others: Sequence[Decoded]) -> None:
    """Assert that two decodings say the same; times and confidences may differ in what rounding does to them."""
    assert [said(result) for result in results] == [said(other) for other in others]
    for result, other in zip(results, others, strict=True):
        assert numbers(result) == pytest.approx(numbers(other), abs=1e-3)


def said(result: Decoded) -> tuple[object, ...]:
    """Words, language and what was dropped."""
    words = [[(word.text, word.space_before) for word in segment.words] for segment in result.segments]
    texts = [(segment.text, segment.language) for segment in result.segments]
    return result.language, texts, words, [note.reason for note in result.dropped]


def numbers(result: Decoded) -> list[float]:
    """Times and confidences, in order."""
    found = [result.language_probability]
    for segment in result.segments:
        found += [segment.start, segment.end, segment.confidence]
        found += [number for word in segment.words for number in (word.start, word.end, word.confidence)]
    return found + [time for note in result.dropped for time in (note.span.start, note.span.end)]
