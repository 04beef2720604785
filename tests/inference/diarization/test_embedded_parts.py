"""The parts of the embedded engine that need no weights: checkpoints, tracks, runs, clusters, turns."""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from inference.engines.embedded.checkpoint import CheckpointError, read_tensors
from inference.engines.embedded.clustering import average_linkage, cut
from inference.engines.embedded.decoding import Stretch, by_first_speech, turns_of
from inference.engines.embedded.gathering import Gathering, _neighbours
from inference.engines.embedded.known import KnownVoices
from inference.engines.embedded.networks import HOP, WINDOW_FRAMES, unit
from inference.engines.embedded.runs import PIECE_FRAMES, Piece, Runs
from inference.engines.embedded.tracks import NOBODY, STEP_FRAMES, Tracker, frame_time


class Tensor:
    """Pickles as torch pickles a tensor."""

    def __init__(self, key: str, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> None:
        self.key, self.size, self.stride, self.offset = key, size, stride, offset


def checkpoint(path: Path, tensors: dict[str, Tensor], storages: dict[str, bytes], *, rebuild: str = "") -> Path:
    """Write a checkpoint as torch does, by the names of torch's functions alone."""

    class Pickler(pickle._Pickler):  # the one in Python, whose parts can be called
        def save(self, obj: object, save_persistent_id: bool = True) -> None:
            if isinstance(obj, Tensor):
                self.write(b"c" + (rebuild or "torch._utils\n_rebuild_tensor_v2").encode() + b"\n((")
                super().save("storage")
                self.write(b"ctorch\nFloatStorage\n")
                for value in (obj.key, "cpu", len(storages[obj.key]) // 4):
                    super().save(value)
                self.write(b"tQ")
                for value in (obj.offset, obj.size, obj.stride, False):
                    super().save(value)
                super().save(OrderedDict())
                self.write(b"tR")
            else:
                super().save(obj, save_persistent_id)

    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump({"state_dict": tensors})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", buffer.getvalue())
        for key, data in storages.items():
            archive.writestr(f"model/data/{key}", data)
    return path


def test_tensors_are_read_with_their_strides(tmp_path: Path) -> None:
    data = np.arange(12, dtype=np.float32)
    path = checkpoint(
        tmp_path / "a.pt",
        {"whole": Tensor("0", (3, 4), (4, 1)), "turned": Tensor("0", (4, 2), (1, 4), offset=4)},
        {"0": data.tobytes()},
    )
    tensors = read_tensors(path)
    np.testing.assert_array_equal(tensors["whole"], data.reshape(3, 4))
    np.testing.assert_array_equal(tensors["turned"], data[4:].reshape(2, 4).T)


def test_a_checkpoint_cannot_call_anything_else(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "evil.pt", {"x": Tensor("0", (1,), (1,))}, {"0": bytes(4)}, rebuild="os\nsystem")
    with pytest.raises(CheckpointError, match=r"os\.system"):
        read_tensors(path)


@pytest.mark.parametrize(("size", "stride", "offset"), [((5,), (1,), 0), ((2, 2), (4, 1), 0), ((2,), (1,), 3)])
def test_a_tensor_cannot_reach_out_of_its_storage(
    tmp_path: Path, size: tuple[int, ...], stride: tuple[int, ...], offset: int
) -> None:
    path = checkpoint(tmp_path / "b.pt", {"x": Tensor("0", size, stride, offset)}, {"0": bytes(16)})
    with pytest.raises(CheckpointError, match="out of its storage"):
        read_tensors(path)


def test_what_is_no_archive_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    path.write_bytes(b"not a zip")
    with pytest.raises(CheckpointError):
        read_tensors(path)


def vectors(
    seed: int, rows: int, voices: int, *, spread: float = 1.0
) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    random = np.random.default_rng(seed)
    middles = unit(random.normal(size=(voices, 192)).astype(np.float32))
    noise = random.normal(size=(rows, 192)) / np.sqrt(192) * spread
    return unit((middles[np.arange(rows) % voices] + noise).astype(np.float32))


@given(seed=st.integers(0, 10**6), rows=st.integers(2, 60), distance=st.floats(0.05, 1.2))
@settings(max_examples=40, deadline=None)
def test_linkage_is_that_of_scipy(seed: int, rows: int, distance: float) -> None:
    points = vectors(seed, rows, 3).astype(np.float64)
    merges = average_linkage(points, np.ones(rows))
    theirs = linkage(points, "average", "cosine")
    np.testing.assert_allclose([merge.distance for merge in merges], theirs[:, 2], atol=1e-6)
    if np.abs(theirs[:, 2] - distance).min() > 1e-6:
        ours = cut(rows, merges, distance)
        labels = fcluster(theirs, distance, "distance")
        assert len(set(zip(ours.tolist(), labels.tolist(), strict=True))) == len(set(labels)) == len(set(ours))


def test_equal_points_merge_without_end_to_the_chain() -> None:
    points = np.tile(vectors(1, 1, 1), (50, 1)).astype(np.float64)
    assert len(average_linkage(points, np.ones(50))) == 49


def test_groups_weigh_as_much_as_their_members() -> None:
    points = vectors(3, 40, 2).astype(np.float64)
    whole = cut(40, average_linkage(points, np.ones(40)), 0.68)
    sums = np.stack([points[whole == 0].sum(axis=0), *points[whole == 1]])
    counts = np.array([(whole == 0).sum(), *np.ones((whole == 1).sum())], float)
    assert cut(len(sums), average_linkage(sums, counts), 0.68).max() == 1


def gathering(points: "np.ndarray[tuple[int, int], np.dtype[np.float32]]") -> Gathering:
    found = Gathering()
    pieces = [Piece(number * 40, number * 40 + PIECE_FRAMES, 0, number) for number in range(len(points))]
    # Moved by the mean that is subtracted from voices, since made-up vectors do not have it.
    from inference.engines.embedded.channel import _known

    raw = unit(points * 0.75 + _known()[0]["wide"])
    for start in range(0, len(points), 16):
        block = slice(start, start + 16)
        found.add(pieces[block], raw[block], np.zeros((len(pieces[block]), 2), np.float32))
    return found


@pytest.mark.parametrize("voices", [1, 2, 4, 8])
def test_voices_are_counted_and_a_hint_is_followed(voices: int) -> None:
    found = gathering(vectors(voices, 160, voices))
    assert len(found.voices(speakers=0, limit=16).centres) == voices
    for wanted in (1, 2, 5):
        assert len(found.voices(speakers=wanted, limit=16).centres) == wanted


def test_runs_are_known_of_pieces_in_groups_too() -> None:
    found = gathering(vectors(11, 2000, 2))
    assert found._grouped > 0
    rows = np.concatenate([found._rows, np.arange(len(found._counts), len(found._counts) + 2000 - found._grouped)])
    # Runs of four pieces have six pairs each.
    assert len(_neighbours(rows, np.array([piece.run // 4 for piece in found.pieces]))) == 500 * 6
    # Each row is that of a group whose sum holds the piece.
    sums = np.concatenate([found._sums, found.vectors(found._grouped).astype(np.float64)])
    assert np.sum(sums[rows] * found.vectors(), axis=1).min() > 0.3


def test_hours_have_the_same_voices_in_bounded_groups() -> None:
    found = gathering(vectors(7, 6000, 3))
    assert len(found.voices(speakers=0, limit=16).centres) == 3
    assert len(found._sums) + len(found.pieces) - found._grouped <= 2000


def activity(*spans: tuple[int, int, int], start: int = 0) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """One window of frames from `start` on: each span is (voice, first frame, last frame)."""
    frames = np.zeros((WINDOW_FRAMES, 3), np.float32)
    for voice, low, high in spans:
        frames[max(0, low - start) : max(0, high - start), voice] = 1.0
    return frames


def test_a_voice_keeps_its_track_when_windows_name_it_anew() -> None:
    tracker, runs = Tracker(), Runs()
    labels = [tracker.add(activity((0, 50, 600)))]
    labels.append(tracker.add(activity((2, 50, 600), start=STEP_FRAMES)))
    labels.append(tracker.finish(STEP_FRAMES + WINDOW_FRAMES))
    for each in labels:
        runs.add(each)
    runs.finish()
    assert [(run.start, run.end, run.tracks) for run in runs.runs] == [(50, 600, (0,))]
    assert runs.speech == 550


def test_overlapped_frames_have_two_tracks() -> None:
    tracker = Tracker()
    frames = activity((0, 0, 300), (1, 200, 400))
    frames[200:300, 1] = 0.8
    labels = np.concatenate([tracker.add(frames), tracker.finish(WINDOW_FRAMES)])
    assert labels[100].tolist() == [0, NOBODY, 0]
    assert labels[250].tolist() == [0, 1, 0]
    assert labels[350].tolist() == [1, NOBODY, 1]


@given(cuts=st.lists(st.integers(1, 400), max_size=8))
@settings(max_examples=30, deadline=None)
def test_runs_and_pieces_do_not_depend_on_how_frames_come(cuts: list[int]) -> None:
    random = np.random.default_rng(5)
    tracks = np.repeat(random.integers(-1, 3, 40), random.integers(5, 120, 40))
    labels = np.stack([tracks, np.full_like(tracks, NOBODY), tracks], axis=1).astype(np.int32)
    whole, pieced = Runs(), Runs()
    expected = [*whole.add(labels), *whole.finish()]
    edges = np.minimum(np.cumsum([0, *cuts]), len(labels))
    found = [
        piece
        for low, high in zip(edges, [*edges[1:], len(labels)], strict=True)
        for piece in pieced.add(labels[low:high])
    ]
    found += pieced.finish()
    assert found == expected
    assert pieced.runs == whole.runs


def test_foreseeing_leaves_no_trace() -> None:
    runs = Runs()
    labels = np.tile(np.array([[0, NOBODY, 0]], np.int32), (200, 1))
    runs.add(labels)
    ahead, pieces = runs.foresee(labels)
    assert [(run.start, run.end) for run in ahead] == [(0, 400)]
    assert all(piece.run == 0 for piece in pieces)
    assert runs.runs == []
    assert runs.add(labels)[0].start == pieces[0].start


def test_turns_join_and_are_numbered_by_first_speech() -> None:
    stretches = [
        Stretch(0, 10, 3, False),
        Stretch(10, 20, 3, False),
        Stretch(15, 18, 1, True),
        Stretch(30, 40, 1, False),
    ]
    turns = turns_of(stretches, 1_000_000, by_first_speech(stretches))
    assert [(turn.speaker, turn.overlapped) for turn in turns] == [(1, False), (2, True), (2, False)]
    assert turns[0].end == pytest.approx(frame_time(20))
    assert frame_time(1) - frame_time(0) <= HOP / 16_000


def test_known_voices_keep_their_numbers_and_merge_with_patience() -> None:
    first, second = vectors(1, 2, 2, spread=0.1)
    known = KnownVoices(8)
    assert known.learn(np.stack([first, second]), np.array([5.0, 5.0]), now=1.0) == []
    known.learn(np.stack([second, first]), np.array([5.0, 5.0]), now=2.0)
    assert known.numbers == [2, 1]
    merged = [event for now in range(3, 30) for event in known.learn(first[None], np.array([9.0]), now=float(now))]
    assert [(event.gone, event.kept) for event in merged] == [(2, 1)]
    assert known.numbers == [1]
    known.learn(np.stack([first, second]), np.array([9.0, 5.0]), now=31.0)
    assert known.numbers == [1, 3]
