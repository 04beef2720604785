"""Voting on the language: evidence adds up, and one odd window decides nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.language import vote
from inference.types import LanguageScores


def scores(**values: float) -> LanguageScores:
    return LanguageScores(values)


def test_one_window_decides_alone() -> None:
    language, share = vote([scores(en=0.9, de=0.1)], [3.0])
    assert language == "en"
    assert share == pytest.approx(0.9)


def test_long_windows_count_more() -> None:
    windows = [scores(en=0.7, de=0.3), scores(en=0.3, de=0.7)]
    assert vote(windows, [10.0, 2.0])[0] == "en"
    assert vote(windows, [2.0, 10.0])[0] == "de"


def test_several_unsure_windows_beat_one_that_is_sure_of_something_else() -> None:
    windows = [scores(cy=0.999999, en=0.000001), *[scores(en=0.8, cy=0.2)] * 7]
    assert vote(windows, [5.0] * 8)[0] == "en"


def test_no_window_no_language() -> None:
    assert vote([], []) == ("", 0.0)
    assert vote([LanguageScores()], [1.0]) == ("", 0.0)


def test_windows_without_speech_still_count() -> None:
    assert vote([scores(fr=0.6, it=0.4)], [0.0])[0] == "fr"


shares = st.dictionaries(st.sampled_from(["en", "de", "fr", "ja"]), st.floats(0, 1), min_size=1)


@given(st.lists(st.tuples(shares, st.floats(0, 30)), min_size=1, max_size=6))
def test_the_order_of_windows_does_not_matter(ballots: list[tuple[dict[str, float], float]]) -> None:
    forward = vote([LanguageScores(one) for one, _ in ballots], [weight for _, weight in ballots])
    backward = vote([LanguageScores(one) for one, _ in ballots[::-1]], [weight for _, weight in ballots[::-1]])
    assert 0.0 < forward[1] <= 1.0 + 1e-9
    assert forward[1] == pytest.approx(backward[1])
