"""How short windows are looked at, and that what they leave open goes to the language that was to be expected."""

import numpy as np
import pytest

from inference.engines.whisper.languages import SPEEDS, at_speed, expected
from inference.types import SAMPLE_RATE, Span, Window
from tests.audio import tone


@pytest.mark.parametrize("speed", SPEEDS)
def test_speech_at_another_speed_is_as_much_longer_and_lower(speed: float) -> None:
    heard = at_speed(Window(3.0, tone(1.0, frequency=440.0), (Span(3.0, 4.0),)), speed)
    assert heard.duration == pytest.approx(1 / speed, abs=0.001)
    spectrum = np.abs(np.fft.rfft(heard.pcm, n=SAMPLE_RATE))  # one bin a hertz
    assert int(np.argmax(spectrum)) == pytest.approx(440 * speed, abs=1)


def test_a_close_call_goes_to_the_more_common_language() -> None:
    weighed = expected({"th": 0.4, "km": 0.5, "en": 0.1})
    assert max(weighed, key=lambda code: weighed[code]) == "th"
    assert sum(weighed.values()) == pytest.approx(1.0)


def test_what_is_clear_stays_clear() -> None:
    weighed = expected({"km": 0.95, "th": 0.03, "en": 0.02})
    assert max(weighed, key=lambda code: weighed[code]) == "km"


def test_the_ten_most_common_are_expected_equally() -> None:
    assert expected({"en": 0.3, "tr": 0.7}) == pytest.approx({"en": 0.3, "tr": 0.7})
