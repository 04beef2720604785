"""Moving word times from where the decoder looked to where the sound is.

Whisper's attention leaves a word once it is recognised, and the next word begins there: aligned starts swallow the
pause before a word. Loudness knows where the pauses are. Each pause is given to the word boundary that explains it
best, in order, by dynamic programming; boundaries in running speech are moved by the constant lag of the attention.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inference.types import SAMPLE_RATE, Span, Window, Word

FRAME = 0.01
"""Seconds of one step of the loudness curve."""
SMOOTHING = 3
"""Steps that the curve is averaged over."""
SHORTEST_PAUSE = 0.10
"""Shorter silences are closures inside words."""
SHORTEST_SOUND = 0.04
"""Shorter sounds between silences are clicks."""
FURTHEST = 0.6
"""Seconds between a boundary and a pause that can still belong to it."""
START_LAG = 0.1
"""How much later than its aligned start a word in running speech begins."""
END_LAG = 0.03
LEAST_DURATION = 0.02
VOICE_MARGIN = 0.15
"""How far sound may reach beyond voice activity, which misses soft consonants."""
FAINTEST = -70.0
"""Decibels under full scale below which nothing is sound."""


def refine(words: Sequence[Word], window: Window) -> tuple[Word, ...]:
    """The same words with times that follow the sound.

    `words` have times from the start of the window; the result has stream time, starts and ends never go back, each
    word ends where or before the next one starts, and all lie inside the window.
    """
    if not words:
        return ()
    pauses = silences(window)
    boundaries = [words[0].start, *(word.start for word in words[1:]), words[-1].end]
    chosen = _assign(boundaries, pauses)
    starts = np.empty(len(words))
    ends = np.empty(len(words))
    for index, word in enumerate(words):
        before, after = chosen.get(index), chosen.get(index + 1)
        starts[index] = before.end if before else word.start + START_LAG
        ends[index] = after.start if after else boundaries[index + 1] + END_LAG
    return _ordered(words, starts, ends, window)


def silences(window: Window) -> list[Span]:
    """Pauses of a window in order, times from its start; those at its edges are included even if empty."""
    loud = _loud(window)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(np.int8), [0]))))
    sounds = [(start * FRAME, end * FRAME) for start, end in edges.reshape(-1, 2)]
    merged: list[tuple[float, float]] = []
    for start, end in sounds:
        if merged and start - merged[-1][1] < SHORTEST_PAUSE:
            merged[-1] = merged[-1][0], end
        else:
            merged.append((start, end))
    merged = [(start, end) for start, end in merged if end - start >= SHORTEST_SOUND]
    if not merged:
        return []
    times = [0.0, *(time for sound in merged for time in sound), window.duration]
    return [Span(start, max(start, end)) for start, end in zip(times[::2], times[1::2], strict=True)]


def _loud(window: Window) -> NDArray[np.bool_]:
    """Whether each frame holds sound that stands out, inside voice activity."""
    step = round(FRAME * SAMPLE_RATE)
    count = len(window.pcm) // step
    if count < SMOOTHING:
        return np.zeros(count, dtype=bool)
    frames = window.pcm[: count * step].astype(np.float32).reshape(count, step) / 32768
    power = np.mean(frames**2, axis=1)
    power = np.convolve(power, np.full(SMOOTHING, 1 / SMOOTHING), mode="same")
    decibels = 10 * np.log10(power + 1e-10)
    voiced = np.zeros(count, dtype=bool)
    for span in window.speech:
        first = (span.start - window.start - VOICE_MARGIN) / FRAME
        last = (span.end - window.start + VOICE_MARGIN) / FRAME
        voiced[max(0, int(first)) : max(0, int(np.ceil(last)))] = True
    if not voiced.any():
        voiced[:] = True
    peak = float(np.percentile(decibels[voiced], 95))
    floor = float(np.percentile(decibels, 5))
    # Well under the voice, but over the noise of the room.
    threshold = max(min(max(peak - 35.0, floor + 6.0), peak - 6.0), FAINTEST)
    return voiced & (decibels > threshold)


def _assign(boundaries: Sequence[float], pauses: Sequence[Span]) -> dict[int, Span]:
    """The pause of each boundary that has one: in order, near, and as much silence explained as can be."""
    count = len(pauses)
    best = np.zeros((len(boundaries) + 1, count + 1))
    took = np.zeros((len(boundaries) + 1, count + 1), dtype=np.int8)
    for row, boundary in enumerate(boundaries, start=1):
        for column, pause in enumerate(pauses, start=1):
            options = (best[row - 1, column], best[row, column - 1], best[row - 1, column - 1] + _gain(boundary, pause))
            took[row, column] = int(np.argmax(options))
            best[row, column] = options[took[row, column]]
    chosen: dict[int, Span] = {}
    row, column = len(boundaries), count
    while row and column:
        step = took[row, column]
        if step == 2:
            chosen[row - 1] = pauses[column - 1]
        row -= step != 1
        column -= step != 0
    return chosen


def _gain(boundary: float, pause: Span) -> float:
    where = boundary + START_LAG
    distance = max(0.0, pause.start - where) + max(0.0, where - pause.end)
    if distance > FURTHEST:
        return -1.0
    return 0.3 + min(pause.duration, 0.5) - distance


def _ordered(
    words: Sequence[Word], starts: NDArray[np.float64], ends: NDArray[np.float64], window: Window
) -> tuple[Word, ...]:
    """Put the times into order and inside the window."""
    last = window.duration
    starts = np.maximum.accumulate(np.clip(starts, 0.0, last))
    placed: list[Word] = []
    for index, word in enumerate(words):
        limit = float(starts[index + 1]) if index + 1 < len(words) else last
        start = float(starts[index])
        end = min(max(float(ends[index]), start + LEAST_DURATION), max(limit, start))
        placed.append(replace(word, start=window.start + start, end=window.start + min(end, last)))
    return tuple(placed)
