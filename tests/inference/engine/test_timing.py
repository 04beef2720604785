"""Word times follow the sound: pauses go to the boundaries that explain them, and order holds whatever comes in."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.timing import refine, silences
from inference.types import SAMPLE_RATE, Span, Window, Word

SOUNDS = [(0.4, 0.9), (1.3, 1.8), (2.1, 2.7), (3.5, 3.9)]


def recording(sounds: list[tuple[float, float]], *, seconds: float, start: float = 0.0, noise: float = 0.0) -> Window:
    """Noise bursts at the given times over a bed of quieter noise."""
    random = np.random.default_rng(1)
    level = np.full(round(seconds * SAMPLE_RATE), noise)
    for first, last in sounds:
        level[round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)] = 4000
    pcm = (random.normal(0, 1, len(level)) * level).clip(-32768, 32767).astype(np.int16)
    return Window(start, pcm, (Span(start, start + seconds),))


def word(start: float, end: float) -> Word:
    return Word("word", start, end, 0.9)


@pytest.mark.parametrize("noise", [0.0, 100.0])
@pytest.mark.parametrize("early", [0.1, 0.25])
def test_a_start_that_swallowed_the_pause_is_moved_to_the_sound(noise: float, early: float) -> None:
    window = recording(SOUNDS, seconds=4.2, start=100.0, noise=noise)
    # What Whisper's alignment gives: a boundary a while before each word has ended.
    cuts = [0.2, *(end - early for _, end in SOUNDS)]
    words = [word(first, last) for first, last in pairwise(cuts)]
    refined = refine(words, window)
    assert [one.start - 100 for one in refined] == pytest.approx([start for start, _ in SOUNDS], abs=0.04)
    assert [one.end - 100 for one in refined] == pytest.approx([end for _, end in SOUNDS], abs=0.04)


def test_running_speech_keeps_its_boundaries_but_for_the_lag_of_attention() -> None:
    window = recording([(0.3, 2.3)], seconds=2.6)
    refined = refine([word(0.1, 0.8), word(0.8, 1.5), word(1.5, 2.2)], window)
    assert [one.start for one in refined] == pytest.approx([0.3, 0.9, 1.6], abs=0.04)
    assert refined[-1].end == pytest.approx(2.3, abs=0.04)


def test_a_pause_inside_a_word_does_not_move_its_neighbours() -> None:
    window = recording([(0.3, 1.0), (1.08, 2.0)], seconds=2.3)
    refined = refine([word(0.2, 0.6), word(0.6, 1.4), word(1.4, 1.9)], window)
    assert [one.start for one in refined] == pytest.approx([0.3, 0.7, 1.5], abs=0.04)


def test_pauses_of_a_recording() -> None:
    pauses = silences(recording(SOUNDS, seconds=4.2))
    expected = [(0.0, 0.4), (0.9, 1.3), (1.8, 2.1), (2.7, 3.5), (3.9, 4.2)]
    assert len(pauses) == len(expected)
    for pause, (start, end) in zip(pauses, expected, strict=True):
        assert (pause.start, pause.end) == pytest.approx((start, end), abs=0.03)


def test_nothing_and_silence() -> None:
    quiet = Window(5.0, np.zeros(SAMPLE_RATE, np.int16), ())
    assert refine([], quiet) == ()
    assert silences(quiet) == []
    (only,) = refine([word(0.2, 3.0)], quiet)
    assert 5.0 <= only.start <= only.end <= 6.0


times = st.floats(-1.0, 8.0, allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(
    cuts=st.lists(times, min_size=2, max_size=30),
    sounds=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1)), max_size=8),
    speech=st.lists(st.tuples(times, times), max_size=3),
    start=st.floats(0, 1e5),
    seconds=st.floats(0.0, 6.0),
)
def test_words_stay_in_order_and_inside_the_window(
    cuts: list[float],
    sounds: list[tuple[float, float]],
    speech: list[tuple[float, float]],
    start: float,
    seconds: float,
) -> None:
    made = recording([(first, first + length) for first, length in sounds], seconds=seconds, start=start)
    spans = tuple(Span(start + min(span), start + max(span)) for span in speech)
    window = Window(start, made.pcm, spans)
    cuts = sorted(cuts)
    words = [Word(str(index), first, last, 0.5) for index, (first, last) in enumerate(pairwise(cuts))]
    refined = refine(words, window)
    assert [one.text for one in refined] == [one.text for one in words]
    edge = window.start
    for one in refined:
        assert edge <= one.start <= one.end <= window.end + 1e-6
        edge = one.start
    for one, following in pairwise(refined):
        assert one.end <= following.start + 1e-6
