"""What a short window leaves open goes to the language that was to be expected."""

import pytest

from inference.engines.whisper.languages import expected


def test_a_close_call_goes_to_the_more_common_language() -> None:
    weighed = expected({"th": 0.4, "km": 0.5, "en": 0.1})
    assert max(weighed, key=lambda code: weighed[code]) == "th"
    assert sum(weighed.values()) == pytest.approx(1.0)


def test_what_is_clear_stays_clear() -> None:
    weighed = expected({"km": 0.95, "th": 0.03, "en": 0.02})
    assert max(weighed, key=lambda code: weighed[code]) == "km"


def test_the_ten_most_common_are_expected_equally() -> None:
    assert expected({"en": 0.3, "tr": 0.7}) == pytest.approx({"en": 0.3, "tr": 0.7})
