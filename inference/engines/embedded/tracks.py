"""Tracks: voices of overlapping windows joined into one line of frames, so that a voice keeps its number a while."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from inference.engines.embedded.networks import CENTRE, HOP, VOICES, WINDOW_FRAMES, Activity
from inference.types import SAMPLE_RATE

STEP_FRAMES = 74
"""Frames between two windows, 1.25 s: each moment is seen by eight of them."""
STEP = STEP_FRAMES * HOP
"""Samples between two windows."""
SPEECH = 0.4
"""Least mean probability of the likeliest voice for a frame to count as speech."""
OVERLAP = 0.35
"""Least mean probability of the second voice for a frame to count as overlapped."""
_OVERLAP_AHEAD = 0.5
"""The same where few windows have seen the frame yet, so that the mean says less."""
_LINKED_FRAMES = 10
_LINKED_SHARE = 0.5

NOBODY = -1
Labels = NDArray[np.int32]
"""Three numbers a frame: the active tracks in ascending order, `NOBODY` where there are fewer; the likeliest track."""


def frame_time(frame: int) -> float:
    """Return the time at which a frame begins to be the nearest one."""
    return max(0.0, (frame * HOP + CENTRE - HOP / 2) / SAMPLE_RATE)


def frame_sample(frame: int) -> int:
    """Return the sample at which a frame begins to be the nearest one."""
    return max(0, frame * HOP + CENTRE - HOP // 2)


def frame_count(samples: int) -> int:
    """Return how many frames a recording has."""
    return max(0, -(-(samples - CENTRE + HOP // 2) // HOP))


@dataclass(slots=True)
class _Window:
    offset: int
    activity: Activity
    tracks: NDArray[np.int32]


class Tracker:
    """Takes the windows of one stream in order and settles frames."""

    def __init__(self) -> None:
        self._windows: deque[_Window] = deque(maxlen=-(-WINDOW_FRAMES // STEP_FRAMES))
        self._tracks = 0
        self._settled = 0

    @property
    def settled(self) -> int:
        """Frames that are settled."""
        return self._settled

    def add(self, activity: Activity) -> Labels:
        """Take the next window and return the labels of the frames that no later window sees."""
        offset = self._windows[-1].offset + STEP_FRAMES if self._windows else 0
        self._windows.append(self._joined(activity, offset))
        self._tracks = max(self._tracks, int(self._windows[-1].tracks.max()) + 1)
        start, self._settled = self._settled, offset + STEP_FRAMES
        return _labels(self._windows, start, self._settled)

    def finish(self, frames: int) -> Labels:
        """Return the labels of the frames up to the end of the recording."""
        start, self._settled = self._settled, max(self._settled, frames)
        return _labels(self._windows, start, self._settled)

    def foresee(self, activity: Activity, offset: int, frames: int) -> Labels:
        """Return what the labels of unsettled frames would be by one more window, without keeping it."""
        return _labels(
            [*self._windows, self._joined(activity, offset)], self._settled, frames, overlapped=_OVERLAP_AHEAD
        )

    def _joined(self, activity: Activity, offset: int) -> "_Window":
        """Give each voice of a window the track it had in the one before, or a new one."""
        window = _Window(offset, activity, np.full(VOICES, NOBODY, np.int32))
        if self._windows:
            self._link(self._windows[-1], window)
        new = np.flatnonzero(window.tracks == NOBODY)
        window.tracks[new] = self._tracks + np.arange(len(new))
        return window

    def _link(self, before: _Window, window: _Window) -> None:
        """Give voices of the window the tracks of those voices of the one before that are active together with them."""
        earlier = before.activity[window.offset - before.offset :] > SPEECH
        later = window.activity[: len(earlier)] > SPEECH
        together = earlier.T.astype(np.int32) @ later.astype(np.int32)
        for left, right in zip(*linear_sum_assignment(together, maximize=True), strict=True):
            larger = max(1, earlier[:, left].sum(), later[:, right].sum())
            shared = together[left, right]
            if shared >= _LINKED_FRAMES and shared > _LINKED_SHARE * larger:
                window.tracks[right] = before.tracks[left]


def _labels(windows: Iterable[_Window], start: int, end: int, *, overlapped: float = OVERLAP) -> Labels:
    """Return who is active: whether anybody is by all windows, and who by the one that is centred nearest."""
    frames = np.arange(start, end)
    labels = np.full((len(frames), 3), NOBODY, np.int32)
    if not len(frames):
        return labels
    seen = np.zeros(len(frames))
    first, second = np.zeros(len(frames)), np.zeros(len(frames))
    nearest = np.full(len(frames), np.inf)
    for window in windows:
        at = frames - window.offset
        inside = (at >= 0) & (at < WINDOW_FRAMES)
        activity = window.activity[at[inside]]
        order = np.argsort(-activity, axis=1, kind="stable")
        ranked = np.take_along_axis(activity, order, axis=1)
        seen[inside] += 1
        first[inside] += ranked[:, 0]
        second[inside] += ranked[:, 1]
        distance = np.full(len(frames), np.inf)
        distance[inside] = np.abs(at[inside] - WINDOW_FRAMES / 2)
        closer = distance < nearest
        nearest[closer] = distance[closer]
        labels[closer, :2] = window.tracks[order[closer[inside]][:, :2]]
    speech = first >= SPEECH * np.maximum(seen, 1)
    overlap = second >= overlapped * np.maximum(seen, 1)
    labels[~overlap, 1] = NOBODY
    labels[:, 2] = labels[:, 0]
    labels[overlap, :2] = np.sort(labels[overlap, :2], axis=1)
    labels[~speech] = NOBODY
    return labels
