"""The ways to decode a window: cheapest first, and the same whatever else is decoded beside it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engines.whisper.features import FULL_FRAMES, Features, context_frames
from inference.engines.whisper.ladder import Tuning, ladder
from inference.types import SAMPLE_RATE, DecodingOptions, Window

FINAL, DRAFT = DecodingOptions(), DecodingOptions(draft=True)


def window(seconds: float) -> Window:
    return Window(0.0, np.zeros(round(seconds * SAMPLE_RATE), np.int16), ())


def test_a_short_window_is_encoded_short_and_again_in_full() -> None:
    first, *opinions, second, last = ladder(window(3.0), FINAL, Tuning())
    assert first.frames == 1500
    assert [(rung.frames, rung.opinion) for rung in opinions] == [(1000, True), (2000, True)]
    assert not (first.opinion or second.opinion or last.opinion)
    assert (second.frames, last.frames) == (FULL_FRAMES, FULL_FRAMES)
    assert last.search.no_repeat_ngram


def test_a_long_window_is_not_decoded_twice_the_same_way() -> None:
    rungs = ladder(window(28.0), FINAL, Tuning())
    assert len(rungs) == len(set(rungs)) == 1


def test_a_gpu_gets_full_context_at_once() -> None:
    assert {rung.frames for rung in ladder(window(3.0), FINAL, Tuning(short_context=False))} == {FULL_FRAMES}


def test_a_draft_is_greedy_capped_and_short() -> None:
    for rung in ladder(window(3.0), DRAFT, Tuning()):
        assert rung.search.beam == 1
        assert rung.search.most_tokens < 100
        assert rung.frames < FULL_FRAMES


@given(st.floats(0.01, 30.0), st.sampled_from([0.0, 2.0, 10.0]), st.sampled_from([1.0, 2.5, 5.0]))
def test_the_encoder_never_gets_less_than_the_audio(duration: float, pad: float, step: float) -> None:
    frames = context_frames(duration, pad=pad, step=step)
    assert duration * 100 <= frames + 0.5
    assert frames <= FULL_FRAMES
    assert frames % 2 == 0


@pytest.mark.parametrize("seconds", [0.1, 2.0, 7.3])
def test_padding_is_what_silence_after_the_audio_would_give(seconds: float) -> None:
    random = np.random.default_rng(3)
    pcm = (random.normal(0, 2000, round(seconds * SAMPLE_RATE))).astype(np.int16)
    features = Features(80)
    padded = features.log_mel(Window(0.0, pcm, ()), 1000)
    silent = features.log_mel(Window(0.0, np.concatenate([pcm, np.zeros(10 * SAMPLE_RATE, np.int16)]), ()), 1000)
    assert padded.shape == (80, 1000)
    edge = round(seconds * 100)
    assert np.allclose(padded[:, edge + 3 :], silent[:, edge + 3 :], atol=1e-6)
    assert np.allclose(padded[:, : edge - 3], silent[:, : edge - 3], atol=1e-5)
