"""A diarization engine that follows a script instead of a model: deterministic, without weights, for tests."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.engines.diarization import (
    DiarizationCapabilities,
    DiarizationEvent,
    DiarizationOptions,
    Settled,
)
from inference.types import SAMPLE_RATE, Pcm, Turn

STEP = SAMPLE_RATE
"""Samples of one piece of work."""


class ScriptedFailure(Exception):
    """The script asks for this call to fail."""


@dataclass(frozen=True, slots=True)
class Script:
    """What the engine finds and how it behaves."""

    turns: tuple[Turn, ...] = (Turn(0.0, 1e9, 1),)
    """Who speaks when; what lies beyond the end of a stream is cut off."""
    delay_seconds: float = 0.0
    """Time that each call takes."""
    fail_at: float | None = None
    """A call fails once a stream has this many seconds."""
    max_speakers: int = 8
    max_batch: int = 8
    workers: int = 2

    @classmethod
    def read(cls, source: str) -> "Script":
        """Read a script from JSON or from the file of that path; empty: one speaker.

        Keys are the fields; a turn is `[start, end, speaker]`.
        """
        if not source.strip():
            return cls()
        text = source if source.lstrip().startswith("{") else Path(source).read_text(encoding="utf-8")
        values: dict[str, Any] = json.loads(text)
        if "turns" in values:
            values["turns"] = tuple(Turn(*turn) for turn in values["turns"])
        return cls(**values)


class ScriptedStream:
    """A stream that hears how long it is, and nothing else."""

    def __init__(self, script: Script, options: DiarizationOptions) -> None:
        self._script = script
        self._live = options.live
        self._samples = 0
        self._worked = 0
        self._finished = False
        self._told = 0.0
        self._events: list[DiarizationEvent] = []
        self.done = False

    @property
    def wanted(self) -> int:
        """Samples to push before there is something to do."""
        return 0 if self._finished else max(0, self._worked + STEP - self._samples)

    @property
    def speech_seconds(self) -> float:
        """Audio in turns so far."""
        return sum(turn.end - turn.start for turn in self._turns(0.0, self._worked / SAMPLE_RATE))

    def push(self, pcm: Pcm) -> None:
        """Take the next samples."""
        self._samples += len(pcm)

    def flush(self) -> None:
        """Make final what was heard."""
        self._worked = self._samples
        self._tell()

    def finish(self) -> None:
        """Say that no more audio comes."""
        self._finished = True

    def take(self) -> list[DiarizationEvent]:
        """Return the events since the last call."""
        events, self._events = self._events, []
        return events

    def advance(self) -> None:
        """Work off a second of audio. Raises ScriptedFailure."""
        self._worked = min(self._samples, self._worked + STEP)
        fail_at = self._script.fail_at
        if fail_at is not None and self._worked >= fail_at * SAMPLE_RATE:
            raise ScriptedFailure(f"the script fails the stream at {fail_at} s")
        if self._finished and self._worked == self._samples:
            self._tell()
            self.done = True
        elif self._live:
            self._tell()

    def _tell(self) -> None:
        end = self._worked / SAMPLE_RATE
        self._events += self._turns(self._told, end)
        if self._live and end > self._told:
            self._events.append(Settled(end))
        self._told = end

    def _turns(self, start: float, end: float) -> list[Turn]:
        cut = (
            Turn(max(start, turn.start), min(end, turn.end), turn.speaker, overlapped=turn.overlapped)
            for turn in self._script.turns
        )
        return [turn for turn in cut if turn.end > turn.start]


class ScriptedDiarizer:
    """Follows its script. Counts its calls, so that tests can see batches."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._closing = threading.Event()
        self.batches: list[int] = []
        """Streams of each call so far."""

    @property
    def capabilities(self) -> DiarizationCapabilities:
        """What callers may ask for."""
        return DiarizationCapabilities(
            max_speakers=self._script.max_speakers,
            streaming=True,
            latency=STEP / SAMPLE_RATE,
            max_batch=self._script.max_batch,
            workers=self._script.workers,
            device="cpu",
        )

    def open(self, options: DiarizationOptions) -> ScriptedStream:
        """Begin a stream."""
        return ScriptedStream(self._script, options)

    def advance(self, streams: Sequence[ScriptedStream]) -> None:
        """Do the next piece of work of each stream."""
        self.batches.append(len(streams))
        if self._script.delay_seconds:
            self._closing.wait(self._script.delay_seconds)
        for stream in streams:
            stream.advance()

    def close(self) -> None:
        """Cut delays short."""
        self._closing.set()
