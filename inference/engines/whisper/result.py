"""What a decoded row becomes: segments that were spoken, and a note of what was dropped."""

import math
from collections.abc import Sequence

from inference import readable
from inference.engines.whisper.decoding import Hypothesis, compression
from inference.hallucination import Evidence, verdict
from inference.types import Decoded, Dropped, Segment, Span, Window, Word


def decoded(
    window: Window, hypothesis: Hypothesis, words: Sequence[Word], *, language: tuple[str, float], keep_words: bool
) -> Decoded:
    """Judge a hypothesis as a whole, then each of its segments; `language` is a code and its probability."""
    code, probability = language
    if not hypothesis.text:
        return Decoded((), code, probability)
    whole = Span(window.speech[0].start, window.speech[-1].end) if window.speech else Span(window.start, window.end)
    confidence = _mean(words) if words else math.exp(min(0.0, hypothesis.log_probability))
    if reason := _verdict(hypothesis.text, whole, confidence, hypothesis, window):
        return Decoded((), code, probability, (Dropped(whole, reason),))
    if not words:
        start, end = max(whole.start, window.start), min(whole.end, window.end)
        return Decoded((Segment(hypothesis.text, start, end, (), confidence, code),), code, probability)
    segments: list[Segment] = []
    dropped: list[Dropped] = []
    for run in readable.split(words):
        span = Span(run[0].start, run[-1].end)
        text = readable.text_of(run)
        if reason := _verdict(text, span, _mean(run), hypothesis, window):
            dropped.append(Dropped(span, reason))
        else:
            segments.append(Segment(text, span.start, span.end, run if keep_words else (), _mean(run), code))
    return Decoded(tuple(segments), code, probability, tuple(dropped))


def _verdict(text: str, span: Span, confidence: float, hypothesis: Hypothesis, window: Window) -> str | None:
    overlaps = (min(span.end, speech.end) - max(span.start, speech.start) for speech in window.speech)
    return verdict(
        Evidence(
            text=text,
            speech_seconds=sum(max(0.0, overlap) for overlap in overlaps),
            log_probability=hypothesis.log_probability,
            no_speech=hypothesis.no_speech,
            compression=compression(text),
            confidence=confidence,
        )
    )


def _mean(words: Sequence[Word]) -> float:
    """Mean confidence of words, long ones counting more."""
    weights = [len(word.text) for word in words]
    return sum(word.confidence * weight for word, weight in zip(words, weights, strict=True)) / sum(weights)
