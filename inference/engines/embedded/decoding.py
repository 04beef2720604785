"""Decoding: which voice speaks in each run, from the pieces of the run and of its tracks."""

import itertools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from inference.engines.embedded.gathering import Voices
from inference.engines.embedded.networks import HOP
from inference.engines.embedded.runs import Piece, Run
from inference.engines.embedded.tracks import frame_time
from inference.types import SAMPLE_RATE, Turn

_STEADY = 178
"""Frames of the longest run that is one voice whatever its pieces say: 3 s."""
_BLOCK = 6
"""Frames that go to one voice together in longer runs: 0.1 s."""
_SWITCH = 15.0
"""What a change of voice inside a run costs, in frames times cosine: the segmentation has heard no change there."""
_SECOND = SAMPLE_RATE / HOP
"""Frames of a second."""
_MEMORY = 296.0
"""Frames after which a piece of a track says a third as much about a run: 5 s."""
_PAUSE = 18
"""Frames of the longest pause that is still part of a turn if nobody else speaks in it: 0.3 s."""
_REACH = 5 * _MEMORY
"""Frames up to which a voice was heard lately."""
_LATELY = 0.01
"""How much that says for it, beside the pieces of the track itself."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of one voice."""

    start: int
    end: int
    voice: int
    overlapped: bool


class Decoder:
    """Gives each run to voices."""

    def __init__(self, runs: list[Run], pieces: list[Piece], voices: Voices) -> None:
        self._runs = runs
        self._count = voices.scores.shape[1]
        self._by_run: dict[int, list[tuple[Piece, NDArray[np.float32]]]] = defaultdict(list)
        self._by_track: dict[int, list[int]] = defaultdict(list)
        for index, (piece, scores) in enumerate(zip(pieces, voices.scores, strict=True)):
            self._by_run[piece.run].append((piece, scores))
            self._by_track[piece.track].append(index)
        self._middles = np.array([piece.middle for piece in pieces])
        self._lengths = np.array([piece.length for piece in pieces]) / _SECOND
        self._scores = voices.scores

    def stretches(self) -> list[Stretch]:
        """Return who speaks when, in order of start."""
        found: list[Stretch] = []
        for index, run in enumerate(self._runs):
            found += self._single(index, run) if len(run.tracks) == 1 else self._overlap(run)
        return found

    def _single(self, index: int, run: Run) -> list[Stretch]:
        frames = self._frames(index, run)
        total = frames.sum(axis=0) + self._track(run.tracks[0], run)
        if run.length <= _STEADY:
            return [Stretch(run.start, run.end, int(total.argmax()), False)]
        blocks = np.add.reduceat(frames, np.arange(0, run.length, _BLOCK), axis=0)
        best = _steadiest(blocks, _SWITCH)
        edges = [0, *(np.flatnonzero(np.diff(best)) + 1), len(best)]
        return [
            Stretch(run.start + int(low) * _BLOCK, min(run.start + int(high) * _BLOCK, run.end), int(best[low]), False)
            for low, high in itertools.pairwise(edges)
        ]

    def _overlap(self, run: Run) -> list[Stretch]:
        if self._count == 1:
            return [Stretch(run.start, run.end, 0, False)]
        scores = np.stack([self._track(track, run) for track in run.tracks])
        _, voices = linear_sum_assignment(scores, maximize=True)
        return [
            Stretch(run.start, run.end, int(voice), track != run.loudest)
            for track, voice in zip(run.tracks, voices, strict=True)
        ]

    def _frames(self, index: int, run: Run) -> NDArray[np.float64]:
        """Return the score of each voice in each frame, from the run's pieces, which fade out from their middles."""
        scores = np.zeros((run.length, self._count))
        for piece, score in self._by_run[index]:
            at = np.arange(piece.start, piece.end)
            weight = 1 - np.abs(at + 0.5 - piece.middle) / (piece.length / 2 + 1)
            scores[at - run.start] += weight[:, None] * score
        return scores

    def _track(self, track: int, run: Run) -> NDArray[np.float64]:
        """Return how much a track sounds like each voice around a run, in seconds of evidence.

        A track of which no piece is known is taken for a voice that was heard lately.
        """
        middle = (run.start + run.end) / 2
        low, high = np.searchsorted(self._middles, (middle - _REACH, middle + _REACH))
        lately = np.arange(low, high) if high > low else np.array([np.abs(self._middles - middle).argmin()])
        total = _LATELY * self._evidence(lately, middle)
        if track in self._by_track:
            total += self._evidence(np.array(self._by_track[track]), middle)
        return total

    def _evidence(self, pieces: NDArray[np.intp], middle: float) -> NDArray[np.float64]:
        """Return the sum of the scores of pieces by their lengths, the less the farther they are."""
        near = self._lengths[pieces] * np.exp(-np.abs(self._middles[pieces] - middle) / _MEMORY)
        return np.asarray(near @ self._scores[pieces], np.float64)


def _steadiest(scores: NDArray[np.float64], cost: float) -> NDArray[np.intp]:
    """Return the path through rows with the highest sum, each change of column paid for (Viterbi, 1967)."""
    total = scores[0].copy()
    origins = np.zeros(scores.shape, np.intp)
    stay = np.arange(scores.shape[1])
    for row in range(1, len(scores)):
        best = int(total.argmax())
        change = total[best] - cost > total
        origins[row] = np.where(change, best, stay)
        total = np.where(change, total[best] - cost, total) + scores[row]
    path = np.zeros(len(scores), np.intp)
    path[-1] = total.argmax()
    for row in range(len(scores) - 1, 0, -1):
        path[row - 1] = origins[row, path[row]]
    return path


def by_first_speech(stretches: list[Stretch]) -> dict[int, int]:
    """Return the number of each voice, from 1."""
    numbers: dict[int, int] = {}
    for stretch in sorted(stretches, key=lambda each: (each.start, each.overlapped)):
        numbers.setdefault(stretch.voice, len(numbers) + 1)
    return numbers


def turns_of(stretches: list[Stretch], samples: int, numbers: Mapping[int, int]) -> list[Turn]:
    """Join what belongs together and name the voices by their numbers."""
    latest: dict[int, int] = {}
    joined: list[Stretch] = []
    reached = 0
    for stretch in sorted(stretches, key=lambda each: (each.start, each.overlapped)):
        at = latest.get(stretch.voice, -1)
        end = joined[at].end if at >= 0 else -_PAUSE - 1
        pause = stretch.start - end
        alone = end == reached and 0 < pause <= _PAUSE and not stretch.overlapped
        if (pause == 0 or alone) and joined[at].overlapped == stretch.overlapped:
            joined[at] = replace(joined[at], end=stretch.end)
        else:
            latest[stretch.voice] = len(joined)
            joined.append(stretch)
        reached = max(reached, stretch.end)
    length = samples / SAMPLE_RATE
    turns = (
        Turn(frame_time(each.start), min(length, frame_time(each.end)), numbers[each.voice], overlapped=each.overlapped)
        for each in joined
    )
    return sorted((turn for turn in turns if turn.end > turn.start), key=lambda turn: (turn.start, turn.speaker))
