"""Which clusters are voices, and who gets runs that say little: rules of the embedded engine that need no weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from inference.engines.embedded.channel import _known, centred
from inference.engines.embedded.clustering import Likeness, Pairs, joined
from inference.engines.embedded.decoding import Decoder, Stretch, by_first_speech, turns_of
from inference.engines.embedded.gathering import Voices
from inference.engines.embedded.networks import WINDOW_FRAMES, unit
from inference.engines.embedded.runs import Piece, Run
from inference.engines.embedded.tracks import NOBODY, STEP_FRAMES, Tracker, frame_time
from inference.engines.embedded.voices import found

Points = NDArray[np.float64]
NO_RUNS: Pairs = np.zeros((0, 2), np.intp)


def around(centre: Points, count: int, *, spread: float, seed: int) -> Points:
    """Unit vectors near a centre."""
    noise = np.random.default_rng(seed).normal(size=(count, len(centre))) / np.sqrt(len(centre)) * spread
    return np.asarray(unit((centre + noise).astype(np.float32)), np.float64)


def directions(cosine: float) -> tuple[Points, Points]:
    """Two unit vectors of 192 numbers with a given cosine."""
    first, second = np.zeros(192), np.zeros(192)
    first[0] = 1.0
    second[:2] = cosine, np.sqrt(1 - cosine**2)
    return first, second


def voices(*groups: Points, neighbours: Pairs = NO_RUNS) -> int:
    """How many voices are found among pieces."""
    points = np.concatenate(groups)
    return len(found(points, np.ones(len(points)), neighbours=neighbours, speakers=0, limit=16))


def in_runs(*runs: NDArray[np.intp]) -> Pairs:
    """All pairs of pieces in each run."""
    return np.array([(low, high) for run in runs for at, low in enumerate(run) for high in run[at + 1 :]], np.intp)


@given(seed=st.integers(0, 10**6), rows=st.integers(2, 40), distance=st.floats(0.05, 1.2))
@settings(max_examples=40, deadline=None)
def test_where_the_mean_distance_alone_decides_it_is_average_linkage(seed: int, rows: int, distance: float) -> None:
    points = np.concatenate(
        [around(centre, rows, spread=1.0, seed=seed + i) for i, centre in enumerate(directions(0.2))]
    )
    theirs = linkage(points, "average", "cosine")
    if np.abs(theirs[:, 2] - distance).min() > 1e-6:
        ones = np.ones(len(points))
        ours = joined(points, ones, ones, neighbours=NO_RUNS, same=lambda likeness: likeness.means >= 1 - distance)
        labels = fcluster(theirs, distance, "distance")
        assert len(set(zip(ours.tolist(), labels.tolist(), strict=True))) == len(set(labels)) == len(set(ours))


def test_a_refused_pair_leaves_both_free_for_others() -> None:
    first, second = directions(0.9)
    points = np.stack([first, first, second, second, first])
    ones = np.ones(5)

    def same(likeness: Likeness) -> NDArray[np.bool_]:
        one: NDArray[np.bool_] = (likeness.sounds < 2) | (likeness.centres > 0.95)
        return one

    apart = joined(points, ones, ones, neighbours=NO_RUNS, same=same)
    assert apart[0] == apart[1] == apart[4] != apart[2] == apart[3]


def test_a_pair_that_was_refused_is_asked_again_when_one_of_them_has_grown() -> None:
    first, second = directions(0.8)
    points = np.stack([first, second, (first + second) / np.linalg.norm(first + second)])
    ones = np.ones(3)
    found_ = joined(points, ones, ones, neighbours=NO_RUNS, same=lambda likeness: likeness.centres > 0.82)
    assert len(set(found_.tolist())) == 1


def test_shared_runs_are_counted_beside_what_chance_would_share() -> None:
    first, second = directions(0.5)
    seen: list[Likeness] = []

    def same(likeness: Likeness) -> NDArray[np.bool_]:
        seen.append(likeness)
        return np.zeros_like(likeness.means, bool)

    neighbours = np.array([(0, 0), (0, 1), (1, 0), (1, 1), (1, 1), (1, 1)])
    joined(np.stack([first * 2, second * 4]), np.array([2.0, 4.0]), np.ones(2), neighbours=neighbours, same=same)
    assert seen[0].mingled[0, 1] == seen[0].mingled[1, 0] == 2.0
    # Of six pairs, where one of the two has a third of the pieces.
    assert np.allclose(seen[0].chance[0, 1], 6 * 2 * (1 / 3) * (2 / 3))


def test_a_cluster_of_lone_pieces_could_share_no_run() -> None:
    first, second = directions(0.5)
    seen: list[Likeness] = []

    def same(likeness: Likeness) -> NDArray[np.bool_]:
        seen.append(likeness)
        return np.zeros_like(likeness.means, bool)

    neighbours = np.array([(1, 1)] * 30)
    joined(np.stack([first * 4, second * 20]), np.array([4.0, 20.0]), np.ones(2), neighbours=neighbours, same=same)
    assert seen[0].chance[0, 1] == 0.0


def test_two_voices_that_sound_alike_stay_two_once_enough_is_heard() -> None:
    first, second = directions(0.4)
    assert voices(around(first, 20, spread=0.7, seed=1), around(second, 20, spread=0.7, seed=2)) == 2


@pytest.mark.parametrize(("cosine", "mingled", "expected"), [(0.55, False, 2), (0.47, True, 1)])
def test_what_cosines_leave_open_is_decided_by_runs(cosine: float, mingled: bool, expected: int) -> None:
    first, second = directions(cosine)
    points = [around(each, 20, spread=0.7, seed=seed) for seed, each in enumerate((first, second))]
    # Runs of four pieces, of one cluster each or of both in turn.
    order = np.arange(40).reshape(2, 20).T.ravel() if mingled else np.arange(40)
    runs = in_runs(*order.reshape(10, 4))
    assert voices(*points) == 3 - expected
    assert voices(*points, neighbours=runs) == expected


def test_what_a_line_adds_to_all_voices_alike_is_taken_out_of_them() -> None:
    means, shifts = _known()
    first, second = (np.asarray(each, np.float32) for each in directions(0.0))
    spoken = np.stack([first, second]) * 0.75
    plain = centred(unit(spoken + means["wide"]), "wide")
    heard = centred(unit(spoken + means["wide"] + 0.3 * shifts[0] - 0.2 * shifts[5]), "wide")
    assert np.sum(plain * heard, axis=1).min() > 0.98
    assert float(heard[0] @ heard[1]) < float(plain[0] @ plain[1]) + 0.05


def words_of_one_voice(count: int) -> Points:
    """Unit vectors with a cosine of 0.32 between any two."""
    return np.asarray(np.eye(192)[1 : count + 1] * np.sqrt(0.68) + np.eye(192)[0] * np.sqrt(0.32), np.float64)


def test_a_word_said_again_and_again_is_heard_once() -> None:
    words = words_of_one_voice(4)
    said = [
        np.concatenate([around(word, 12, spread=0.1, seed=i) for i, word in enumerate(two)])
        for two in (words[:2], words[2:])
    ]
    centres = unit(np.stack([pieces.mean(axis=0) for pieces in said]).astype(np.float32))
    assert float(centres[0] @ centres[1]) < 0.5
    assert voices(*said) == 1


def test_a_voice_whose_pieces_scatter_is_one() -> None:
    first, _ = directions(0.0)
    assert voices(around(first, 60, spread=1.1, seed=3)) == 1


@pytest.mark.parametrize(("cosine", "expected"), [(0.1, 2), (0.55, 1)])
def test_a_few_pieces_are_a_voice_only_if_they_are_unlike_the_others(cosine: float, expected: int) -> None:
    first, second = directions(cosine)
    assert voices(around(first, 40, spread=1.0, seed=4), around(second, 3, spread=0.2, seed=5)) == expected


@pytest.mark.parametrize(("count", "expected"), [(8, 2), (300, 1)])
def test_the_more_is_said_the_more_unlike_the_rest_a_new_voice_must_be(count: int, expected: int) -> None:
    first, second = directions(0.28)
    assert voices(around(first, count, spread=0.8, seed=9), around(second, 2, spread=0.7, seed=10)) == expected


def test_one_odd_piece_in_an_hour_is_no_voice() -> None:
    first, second = directions(0.0)
    assert voices(around(first, 1700, spread=0.7, seed=6), around(second, 3, spread=0.1, seed=7)) == 1


def test_one_who_has_only_begun_to_speak_is_found_early_or_not_yet() -> None:
    first, second = directions(0.1)
    points = np.concatenate([around(first, 40, spread=0.8, seed=8), second[None]])
    for early, expected in ((True, 2), (False, 1)):
        ones = np.ones(41)
        assert len(found(points, ones, neighbours=NO_RUNS, speakers=0, limit=16, early=early)) == expected


def test_a_faint_second_voice_is_believed_once_more_windows_have_seen_it() -> None:
    tracker = Tracker()
    activity = np.zeros((WINDOW_FRAMES, 3), np.float32)
    activity[:, 0], activity[:, 1] = 0.9, 0.42
    tracker.add(activity)
    ahead = tracker.foresee(activity, STEP_FRAMES, WINDOW_FRAMES)
    settled = tracker.add(activity)
    assert ahead[0].tolist() == [0, NOBODY, 0]
    assert settled[0].tolist() == [0, 1, 0]


def stretch(start: int, end: int, voice: int = 0, *, overlapped: bool = False) -> Stretch:
    return Stretch(start, end, voice, overlapped)


@pytest.mark.parametrize(
    ("stretches", "spans"),
    [
        ([stretch(0, 50), stretch(60, 90)], [(0, 90)]),
        ([stretch(0, 50), stretch(80, 90)], [(0, 50), (80, 90)]),
        ([stretch(0, 50), stretch(52, 56, 1), stretch(60, 90)], [(0, 50), (52, 56), (60, 90)]),
        ([stretch(0, 50), stretch(40, 55, 1), stretch(60, 90)], [(0, 50), (40, 55), (60, 90)]),
    ],
)
def test_a_short_pause_is_part_of_a_turn_unless_another_speaks(
    stretches: list[Stretch], spans: list[tuple[int, int]]
) -> None:
    turns = turns_of(stretches, 10**6, by_first_speech(stretches))
    assert [(turn.start, turn.end) for turn in turns] == [(frame_time(low), frame_time(high)) for low, high in spans]


def test_an_overlap_whose_second_voice_was_never_alone_goes_to_one_that_was_heard_lately() -> None:
    scores = np.array([[0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1]], np.float32)
    runs = [Run(0, 89, (0,), 0), Run(2000, 2089, (1,), 1), Run(2100, 2189, (2,), 2), Run(2189, 2230, (2, 3), 2)]
    pieces = [Piece(run.start, run.end, run.tracks[0], index) for index, run in enumerate(runs[:3])]
    said = Decoder(runs, pieces, Voices(np.eye(3, 192, dtype=np.float32), scores)).stretches()
    assert [(each.voice, each.overlapped) for each in said] == [
        (2, False),
        (1, False),
        (0, False),
        (0, False),
        (1, True),
    ]
