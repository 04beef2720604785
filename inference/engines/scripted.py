"""A transcription engine that follows a script instead of a model: deterministic, without weights, for tests."""

import json
import threading
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.engines import TranscriptionCapabilities
from inference.types import Decoded, DecodingOptions, Dropped, LanguageScores, Segment, Span, Window, Word

SLOT = 0.5
"""Seconds of speech that make one word where the script names none."""


class ScriptedFailure(Exception):
    """The script asks for this call to fail."""


@dataclass(frozen=True, slots=True)
class Script:
    """What the engine says and how it behaves."""

    words: tuple[Word, ...] = ()
    """What is said in the stream, with times. None: each half second of loud audio is a word named by its time."""
    language: str = "en"
    delay_seconds: float = 0.0
    """Time that each call takes."""
    delay_per_second: float = 0.0
    """Time that each call takes beside, for every second of audio in it."""
    fail_between: tuple[Span, ...] = ()
    """A call with a window that starts in one of these spans fails."""
    drop_between: tuple[Span, ...] = ()
    """What is said in these spans is dropped as `no_speech`."""
    workers: int = 2
    max_batch: int = 8

    @classmethod
    def read(cls, source: str) -> "Script":
        """Read a script from JSON or from the file of that path; empty: the default.

        Keys are the fields; a word is `{"text", "start", "end"}`, a span `[start, end]`.
        """
        if not source.strip():
            return cls()
        text = source if source.lstrip().startswith("{") else Path(source).read_text(encoding="utf-8")
        values: dict[str, Any] = json.loads(text)
        if "words" in values:
            values["words"] = tuple(Word(**{"confidence": 0.9, **word}) for word in values["words"])
        for key in ("fail_between", "drop_between"):
            if key in values:
                values[key] = tuple(Span(start, end) for start, end in values[key])
        return cls(**values)


class ScriptedEngine:
    """Follows its script. Counts its calls, so that tests can see batches."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._closing = threading.Event()
        self.batches: list[int] = []
        """Windows of each call so far."""

    @property
    def capabilities(self) -> TranscriptionCapabilities:
        """What callers may ask for."""
        return TranscriptionCapabilities(
            languages=("en", "de", "fr", "es", "ja"),
            max_batch=self._script.max_batch,
            workers=self._script.workers,
            device="cpu",
        )

    def bucket(self, window: Window, options: DecodingOptions) -> Hashable:
        """Any windows go together."""
        return None

    def detect(self, windows: Sequence[Window]) -> list[LanguageScores]:
        """Score the languages of each window."""
        self._spend(windows)
        return [LanguageScores({self._script.language: 1.0}) for _ in windows]

    def transcribe(self, windows: Sequence[Window], options: Sequence[DecodingOptions]) -> list[Decoded]:
        """Say what the script has for each window."""
        self._spend(windows)
        return [self._decode(window, option) for window, option in zip(windows, options, strict=True)]

    def close(self) -> None:
        """Cut delays short."""
        self._closing.set()

    def _spend(self, windows: Sequence[Window]) -> None:
        self.batches.append(len(windows))
        script = self._script
        delay = script.delay_seconds + script.delay_per_second * sum(window.duration for window in windows)
        if delay:
            self._closing.wait(delay)
        for window in windows:
            if any(span.start <= window.start < span.end for span in script.fail_between):
                raise ScriptedFailure(f"the script fails the window at {window.start:.2f} s")

    def _decode(self, window: Window, options: DecodingOptions) -> Decoded:
        language = options.language or self._script.language
        said = [word for word in self._said(window) if window.start <= (word.start + word.end) / 2 < window.end]
        kept = [word for word in said if not any(_inside(word, span) for span in self._script.drop_between)]
        lost = [word for word in said if word not in kept]
        dropped = (Dropped(Span(lost[0].start, lost[-1].end), "no_speech"),) if lost else ()
        segments = (_segment(kept, language, words=options.words),) if kept else ()
        return Decoded(segments, language, 1.0, dropped)

    def _said(self, window: Window) -> Iterator[Word]:
        if self._script.words:
            yield from self._script.words
            return
        for number in range(int(window.start / SLOT), int(window.end / SLOT) + 1):
            start, end = number * SLOT, (number + 1) * SLOT
            low, high = round((start - window.start) * 16_000), round((end - window.start) * 16_000)
            piece = window.pcm[max(low, 0) : max(high, 0)]
            if len(piece) and float(np.abs(piece.astype(np.float32)).mean()) > 200:
                yield Word(f"w{number}", start, end, 0.9)


def _inside(word: Word, span: Span) -> bool:
    return span.start <= (word.start + word.end) / 2 < span.end


def _segment(said: list[Word], language: str, *, words: bool) -> Segment:
    text = "".join((" " if word.space_before else "") + word.text for word in said).strip()
    first, last = said[0], said[-1]
    return Segment(text, first.start, last.end, tuple(said) if words else (), 0.9, language)
