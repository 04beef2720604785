"""The guard: real speech passes with any one oddity, invented text is caught by two signs that agree."""

from dataclasses import replace
from typing import Any

import pytest

from inference.hallucination import Evidence, loop_share, verdict

SPEECH = Evidence(
    text="He would not be rid of his affliction.",
    speech_seconds=2.5,
    log_probability=-0.3,
    no_speech=0.05,
    compression=0.95,
    confidence=0.9,
)
LOOP = "and then he said " * 12


def test_speech_passes() -> None:
    assert verdict(SPEECH) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"no_speech": 0.9},
        {"compression": 3.0},
        {"log_probability": -1.4},
        {"confidence": 0.2},
        {"language_probability": 0.1},
        {"speech_seconds": 0.4},
        {"speech_seconds": 60.0},
    ],
)
def test_one_sign_is_not_enough(odd: dict[str, Any]) -> None:
    assert verdict(replace(SPEECH, **odd)) is None


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"no_speech": 0.9, "log_probability": -1.4}, "no_speech"),
        ({"no_speech": 0.7, "speech_seconds": 60.0}, "no_speech"),
        ({"text": LOOP, "compression": 4.0}, "repetition"),
        ({"text": LOOP * 3, "speech_seconds": 3.0}, "repetition"),
        ({"log_probability": -1.4, "speech_seconds": 0.4}, "low_probability"),
        ({"log_probability": -1.4, "language_probability": 0.1}, "low_probability"),
    ],
)
def test_two_signs_drop_it_and_the_first_is_the_reason(odd: dict[str, Any], reason: str) -> None:
    assert verdict(replace(SPEECH, **odd)) == reason


def test_low_scores_of_both_kinds_are_one_sign() -> None:
    assert verdict(replace(SPEECH, log_probability=-1.4, confidence=0.1)) is None


def test_loops_are_found_at_any_period_and_in_scripts_without_spaces() -> None:
    assert loop_share("no no no no no no no no") == 1.0
    assert loop_share(LOOP) == 1.0
    assert loop_share("1,5,5,5,5,5,5,5") > 0.8
    assert loop_share("天気がいい" * 12) == 1.0
    assert loop_share("It was the best of times, it was the worst of times, it was the age of wisdom") == 0.0
    assert loop_share("") == 0.0
    assert loop_share("two seven six zero zero zero eight six") == 0.0
