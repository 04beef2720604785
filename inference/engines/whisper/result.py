"""What a decoded row becomes: segments that were spoken, and a note of what was dropped."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inference import readable
from inference.engines.whisper.decoding import Hypothesis, compression
from inference.hallucination import Evidence, verdict
from inference.types import Decoded, Dropped, Segment, Span, Window, Word


@dataclass(frozen=True, slots=True)
class _Judge:
    """What is known about a whole window, to judge any piece of its text."""

    window: Window
    hypothesis: Hypothesis
    language_probability: float

    def reason(self, text: str, span: Span, confidence: float) -> str | None:
        """Why the text is to be dropped, or None."""
        overlaps = (min(span.end, speech.end) - max(span.start, speech.start) for speech in self.window.speech)
        return verdict(
            Evidence(
                text=text,
                speech_seconds=sum(max(0.0, overlap) for overlap in overlaps),
                log_probability=self.hypothesis.log_probability,
                no_speech=self.hypothesis.no_speech,
                compression=compression(text),
                confidence=confidence,
                language_probability=self.language_probability,
            )
        )


def decoded(
    window: Window, hypothesis: Hypothesis, words: Sequence[Word], *, language: tuple[str, float], keep_words: bool
) -> Decoded:
    """Judge a hypothesis as a whole, then each of its segments; `language` is a code and its probability."""
    code, probability = language
    if not hypothesis.text:
        return Decoded((), code, probability)
    judge = _Judge(window, hypothesis, probability)
    whole = _within(window.speech[0].start, window.speech[-1].end, window) if window.speech else _all(window)
    confidence = _mean(words) if words else math.exp(min(0.0, hypothesis.log_probability))
    if reason := judge.reason(hypothesis.text, whole, confidence):
        return Decoded((), code, probability, (Dropped(whole, reason),))
    if not words:
        segment = Segment(hypothesis.text, whole.start, whole.end, (), confidence, code)
        return Decoded((segment,), code, probability)
    segments: list[Segment] = []
    dropped: list[Dropped] = []
    for run in readable.split(words):
        span = Span(run[0].start, run[-1].end)
        text, confidence = readable.text_of(run), _mean(run)
        if reason := judge.reason(text, span, confidence):
            dropped.append(Dropped(span, reason))
        else:
            segments.append(Segment(text, span.start, span.end, run if keep_words else (), confidence, code))
    return Decoded(tuple(segments), code, probability, tuple(dropped))


def _all(window: Window) -> Span:
    return Span(window.start, window.end)


def _within(start: float, end: float, window: Window) -> Span:
    start = min(max(start, window.start), window.end)
    return Span(start, min(max(end, start), window.end))


def _mean(words: Sequence[Word]) -> float:
    """Mean confidence of words, long ones counting more."""
    weights = [len(word.text) for word in words]
    return sum(word.confidence * weight for word, weight in zip(words, weights, strict=True)) / sum(weights)
