"""Cutting a window in two: nothing is lost, and the cut is where it is quiet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engines.whisper.halving import SHORTEST, halves, joined
from inference.types import SAMPLE_RATE, Decoded, Dropped, Segment, Span, Window


def test_the_cut_is_at_the_pause() -> None:
    random = np.random.default_rng(0)
    pcm = random.normal(0, 3000, 10 * SAMPLE_RATE).astype(np.int16)
    pcm[6 * SAMPLE_RATE : round(6.5 * SAMPLE_RATE)] = 0
    window = Window(100.0, pcm, (Span(100.2, 106.0), Span(106.5, 109.9)))
    first, second = halves(window)
    assert 106.0 < first.end < 106.5
    assert second.start == pytest.approx(first.end)
    assert (first.speech, second.speech) == ((Span(100.2, 106.0),), (Span(106.5, 109.9),))


@settings(max_examples=50, deadline=None)
@given(seconds=st.floats(SHORTEST, 30.0), seed=st.integers(0, 99), start=st.floats(0, 1e4))
def test_no_sample_is_lost(seconds: float, seed: int, start: float) -> None:
    pcm = np.random.default_rng(seed).normal(0, 1000, round(seconds * SAMPLE_RATE)).astype(np.int16)
    window = Window(start, pcm, (Span(start, start + seconds),))
    first, second = halves(window)
    assert np.array_equal(np.concatenate([first.pcm, second.pcm]), pcm)
    assert first.duration > 0.2 * seconds < second.duration + 0.1 * seconds
    assert sum(span.duration for part in (first, second) for span in part.speech) == pytest.approx(seconds, abs=0.01)


def test_results_are_joined_in_order() -> None:
    one = Segment("one", 0.0, 1.0, (), 0.9, "hi")
    two = Segment("two", 2.0, 3.0, (), 0.9, "hi")
    gone = Dropped(Span(3.0, 4.0), "repetition")
    assert joined(Decoded((one,), "hi", 0.8), Decoded((two,), "hi", 1.0, (gone,))) == Decoded(
        (one, two), "hi", 0.8, (gone,)
    )
