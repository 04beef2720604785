"""Cutting a window in two where it is quietest, for text that does not fit into one answer of the decoder."""

import numpy as np

from inference.types import SAMPLE_RATE, Decoded, Span, Window

SHORTEST = 6.0
"""A window of fewer seconds is not cut: nobody says so much in it."""
STEP = SAMPLE_RATE // 50


def halves(window: Window) -> tuple[Window, Window]:
    """The two parts of a window, cut at the quietest place of its middle half."""
    count = len(window.pcm) // STEP
    energy = np.square(window.pcm[: count * STEP].astype(np.float64)).reshape(count, STEP).sum(axis=1)
    # Over a fifth of a second: a pause, not the closure of a consonant.
    energy = np.convolve(energy, np.ones(10), mode="same")
    first, last = count // 4, max(count // 4 + 1, 3 * count // 4)
    cut = (first + int(np.argmin(energy[first:last]))) * STEP
    middle = window.start + cut / SAMPLE_RATE
    return (
        Window(window.start, window.pcm[:cut], _clipped(window, window.start, middle)),
        Window(middle, window.pcm[cut:], _clipped(window, middle, window.end)),
    )


def joined(first: Decoded, second: Decoded) -> Decoded:
    """The result of a window from those of its parts."""
    return Decoded(
        segments=first.segments + second.segments,
        language=first.language,
        language_probability=first.language_probability,
        dropped=first.dropped + second.dropped,
    )


def letters(result: Decoded) -> int:
    """How much was understood."""
    return sum(len(segment.text) for segment in result.segments)


def confidence(result: Decoded) -> float:
    """Mean confidence of what was understood, by letters; 0 if nothing was."""
    return sum(len(one.text) * one.confidence for one in result.segments) / max(1, letters(result))


def _clipped(window: Window, start: float, end: float) -> tuple[Span, ...]:
    spans = (Span(max(span.start, start), min(span.end, end)) for span in window.speech)
    return tuple(span for span in spans if span.duration > 0)
