"""Windows follow from the frames alone: in order, bounded, covering the speech, whatever the chunks."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.endpointing import FILE_POLICY, FRAME_SECONDS, LIVE_POLICY, Boundary, Cut, Endpointer, EndpointingPolicy
from inference.tentative import GUESS_SECONDS
from inference.voice import FRAME

RUNS = st.lists(st.tuples(st.sampled_from([0.0, 0.4, 0.9]), st.integers(1, 400)), min_size=1, max_size=12)
POLICIES = st.sampled_from([FILE_POLICY, LIVE_POLICY])


def frames(runs: list[tuple[float, int]]) -> tuple[np.ndarray, np.ndarray]:
    probabilities = np.concatenate([np.full(length, level, np.float32) for level, length in runs])
    loudness = np.random.default_rng(3).normal(0, 1, len(probabilities)).astype(np.float32)
    return probabilities, loudness


def cut(runs: list[tuple[float, int]], policy: EndpointingPolicy, *, chunk: int = 10_000) -> list[Boundary]:
    probabilities, loudness = frames(runs)
    endpointer, found = Endpointer(policy), list[Boundary]()
    for start in range(0, len(probabilities), chunk):
        found += endpointer.hear(probabilities[start : start + chunk], loudness[start : start + chunk])
    return found + list(endpointer.flush())


@given(RUNS, POLICIES)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_windows_are_in_order_and_bounded(runs: list[tuple[float, int]], policy: EndpointingPolicy) -> None:
    windows = [found for found in cut(runs, policy) if isinstance(found, Cut)]
    for window in windows:
        assert 0 <= window.start < window.end
        assert (window.end - window.start) / 16_000 <= 30.0
        assert window.speech
        assert window.start <= window.speech[0][0]
        assert window.speech[-1][1] <= window.end
        assert all(start < end for start, end in window.speech)
    for before, after in itertools.pairwise(windows):
        assert before.end <= after.start


@given(RUNS, POLICIES)
@settings(derandomize=True, deadline=None, max_examples=150)
def test_no_clear_speech_is_lost(runs: list[tuple[float, int]], policy: EndpointingPolicy) -> None:
    windows = [found for found in cut(runs, policy) if isinstance(found, Cut)]
    at = 0
    for level, length in runs:
        if level > 0.5 and length * FRAME_SECONDS > 0.2:
            low, high = at * FRAME, (at + length) * FRAME
            covered = sum(max(0, min(high, window.end) - max(low, window.start)) for window in windows)
            assert covered == high - low
        at += length


@given(RUNS, POLICIES, st.integers(1, 50))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_chunks_carry_no_meaning(runs: list[tuple[float, int]], policy: EndpointingPolicy, chunk: int) -> None:
    assert cut(runs, policy, chunk=chunk) == cut(runs, policy)


def test_a_click_is_no_speech() -> None:
    assert cut([(0.0, 50), (0.9, 2), (0.0, 50)], LIVE_POLICY) == []


def test_a_long_window_is_cut_at_its_longest_late_pause() -> None:
    talk = [(0.9, 560), (0.0, 6), (0.9, 200), (0.0, 10), (0.9, 300)]
    first, second = (found for found in cut(talk, FILE_POLICY) if isinstance(found, Cut))
    pause = (560 + 6 + 200) * FRAME
    assert pause < first.end <= second.start < pause + 10 * FRAME


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    probabilities = np.full(1200, 0.9, np.float32)
    loudness = np.zeros(1200, np.float32)
    loudness[800:808] = -5.0
    endpointer = Endpointer(FILE_POLICY)
    windows = [found for found in endpointer.hear(probabilities, loudness) if isinstance(found, Cut)]
    assert 800 * FRAME <= windows[0].end <= 808 * FRAME


def test_speech_is_told_once_at_each_start_and_end() -> None:
    found = cut([(0.0, 40), (0.9, 60), (0.0, 40), (0.9, 60), (0.0, 100)], FILE_POLICY)
    assert [type(each).__name__ for each in found] == ["Began", "Ended", "Began", "Ended", "Cut"]


def test_a_pause_foretells_the_window_that_it_completes() -> None:
    endpointer = Endpointer(LIVE_POLICY)
    probabilities, loudness = frames([(0.9, 60), (0.0, 7)])
    assert not [found for found in endpointer.hear(probabilities, loudness) if isinstance(found, Cut)]
    expected = endpointer.prospect(GUESS_SECONDS)
    assert expected is not None
    completed = [found for found in endpointer.hear(*frames([(0.0, 20)])) if isinstance(found, Cut)]
    assert [expected] == completed


def test_a_click_does_not_prolong_the_pause() -> None:
    pause = round(LIVE_POLICY.silence / FRAME_SECONDS) + 1
    quiet, clicked = (
        cut([(0.9, 60), *rest], LIVE_POLICY) for rest in ([(0.0, pause)], [(0.0, 8), (0.9, 2), (0.0, pause - 10)])
    )
    assert clicked == quiet
    assert any(isinstance(found, Cut) for found in clicked[:-1]), "it was not the flush that cut"


def test_a_click_is_no_speaker() -> None:
    endpointer = Endpointer(LIVE_POLICY)
    said = []
    for probability in [*[0.9] * 60, *[0.0] * 8, *[0.9] * 2, *[0.0] * 3]:
        list(endpointer.hear(np.array([probability], np.float32), np.zeros(1, np.float32)))
        said.append(endpointer.speaking)
    assert said == [False] * 3 + [True] * 60 + [False] * 10
