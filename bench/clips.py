"""The recordings with what is known of them, and the two ways of recognizing them in this process."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.corpus import PACKAGED, SHARED
from bench.models import base_folder
from inference.ballot import WHOLE_SECONDS, count, voters
from inference.endpointing import FILE_POLICY
from inference.engines.faster_whisper import FasterWhisperEngine
from inference.listening import Listener
from inference.types import SAMPLE_RATE, DecodingOptions, Window
from inference.voice import silero
from tests.audio import TRANSCRIPTS, clip_pcm, packaged_clip


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording and its truth."""

    name: str
    pcm: NDArray[np.int16]
    text: str | None
    """None: no transcript is known; empty: nothing is said."""
    language: str | None
    category: str
    words: tuple[tuple[str, float, float], ...] = ()
    exact: bool = False
    """Whether the word times are exact, not made by a machine."""


@dataclass(frozen=True, slots=True)
class Recognized:
    """What came out."""

    text: str
    language: str
    words: tuple[tuple[str, float, float], ...]
    cpu: float


Recognizer = Callable[[NDArray[np.int16]], Recognized]


def clips() -> list[Clip]:
    """The shared recordings, one container only; the packaged ones where those are not."""
    if not (SHARED / "manifest.json").exists():
        known = [name for name in PACKAGED if name in TRANSCRIPTS]
        return [Clip(name, clip_pcm(packaged_clip(name)), TRANSCRIPTS[name], "en", "read_english") for name in known]
    rows: list[dict[str, Any]] = json.loads((SHARED / "manifest.json").read_text())
    wanted = [
        row
        for row in rows
        if row["category"] != "malformed" and (row["category"] != "container" or row["file"] == "formats/clip.wav")
    ]
    return [_clip(row) for row in wanted]


def _clip(row: dict[str, Any]) -> Clip:
    words: tuple[tuple[str, float, float], ...] = ()
    exact = False
    if row["words"]:
        known = json.loads((SHARED / row["words"]).read_text())
        words = tuple((word["word"], word["start"], word["end"]) for word in known["words"])
        exact = known["kind"].startswith("exact")
    pcm = clip_pcm(SHARED / row["file"])
    return Clip(row["file"], pcm, row["text"], row["language"], row["category"], words, exact)


def windows_of(pcm: NDArray[np.int16]) -> list[Window]:
    """Cut a recording as a session does."""
    listener = Listener(silero()(), FILE_POLICY)
    listener.append(pcm)
    return [heard for heard in [*listener.hear(), *listener.finish()] if isinstance(heard, Window)]


def short(pcm: NDArray[np.int16]) -> bool:
    """Whether a session would look for the language in the whole recording."""
    return len(pcm) <= WHOLE_SECONDS * SAMPLE_RATE


class Ours:
    """The engine behind endpointing and the language vote."""

    def __init__(self, folder: Path | None = None) -> None:
        self._engine = FasterWhisperEngine.load(folder or base_folder(), device="cpu", threads=1, max_batch=8)

    def __call__(self, pcm: NDArray[np.int16]) -> Recognized:
        """Recognize a recording."""
        began = time.process_time()
        windows = windows_of(pcm)
        language = self._vote(windows, pcm) if len(windows) > 1 or short(pcm) else ""  # or the engine finds it
        options = DecodingOptions(language=language)
        decoded = [
            result
            for first in range(0, len(windows), 8)
            for result in self._engine.transcribe(
                windows[first : first + 8], [options] * len(windows[first : first + 8])
            )
        ]
        segments = [segment for result in decoded for segment in result.segments]
        words = tuple((word.text, word.start, word.end) for segment in segments for word in segment.words)
        text = " ".join(segment.text for segment in segments)
        return Recognized(
            text, language or (decoded[0].language if decoded else ""), words, time.process_time() - began
        )

    def language(self, pcm: NDArray[np.int16]) -> str:
        """The language alone; empty if nothing is said."""
        return self._vote(windows_of(pcm), pcm)

    def _vote(self, windows: Sequence[Window], pcm: NDArray[np.int16]) -> str:
        asked = voters(windows, pcm if short(pcm) else None) if windows else []
        return count(asked, self._engine.detect(asked))[0]


class Plain:
    """faster-whisper as its page shows it: `WhisperModel`, beam 5, voice activity on."""

    def __init__(self, folder: Path | None = None) -> None:
        from faster_whisper import WhisperModel

        self._model = WhisperModel(str(folder or base_folder()), device="cpu", compute_type="int8", cpu_threads=1)

    def __call__(self, pcm: NDArray[np.int16]) -> Recognized:
        """Recognize a recording."""
        began = time.process_time()
        audio = pcm.astype(np.float32) / 32768
        found, info = self._model.transcribe(audio, beam_size=5, vad_filter=True, word_timestamps=True)
        segments = list(found)
        words = tuple(
            (word.word.strip(), float(word.start), float(word.end)) for one in segments for word in one.words or ()
        )
        text = " ".join(segment.text.strip() for segment in segments)
        return Recognized(text, info.language, words, time.process_time() - began)

    def language(self, pcm: NDArray[np.int16]) -> str:
        """The language alone."""
        audio = pcm.astype(np.float32) / 32768
        _, info = self._model.transcribe(audio, beam_size=5, vad_filter=True)  # what is written comes lazily
        return str(info.language)
