"""The engines by name: the one place to add another."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inference.engines import TranscriptionEngine


@dataclass(frozen=True, slots=True)
class Loading:
    """What an engine is loaded from and how it is to run."""

    folder: Path | None
    """Where the verified weights lie; None for engines without weights."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = ""
    """Empty: the engine's choice for the device."""
    workers: int = 0
    """0: by device and cores."""
    threads: int = 0
    """Threads of one call on a CPU; 0: the engine's choice."""
    max_batch: int = 0
    """Windows of one call; 0: the engine's choice for the device."""
    script: str = ""
    """For the scripted engine."""


@dataclass(frozen=True, slots=True)
class EngineKind:
    """How an engine is made. `load` blocks and may take long."""

    load: Callable[[Loading], TranscriptionEngine]
    needs_weights: bool
    voice: Literal["silero", "loudness"]
    """The voice activity that fits it."""


def _faster_whisper(loading: Loading) -> TranscriptionEngine:
    import ctranslate2

    from inference.engines.faster_whisper import build

    if loading.folder is None:
        raise ValueError("faster_whisper needs a folder of weights")
    cuda = loading.device == "cuda" or (loading.device == "auto" and ctranslate2.get_cuda_device_count() > 0)
    workers, threads, max_batch = _cuda_shape() if cuda else _cpu_shape(len(os.sched_getaffinity(0)))
    return build(
        loading.folder,
        device="cuda" if cuda else "cpu",
        compute_type=loading.compute_type or "default",
        workers=loading.workers or workers,
        threads=loading.threads or threads,
        max_batch=loading.max_batch or max_batch,
    )


def _cpu_shape(cores: int) -> tuple[int, int, int]:
    """Workers, threads and windows of a batch.

    Workers of one thread beat one worker of many: OpenMP's barriers cost more than they give. There is one worker
    more than the cores can feed; the scheduler keeps it for short and urgent windows. Measured with `base` on 20
    minutes of speech: batches of 3 take a fifteenth less time than batches of 2, at some 40 MiB a row and worker.
    """
    threads = max(1, cores // 8)
    return max(1, cores // threads) + 1, threads, 2


def _cuda_shape() -> tuple[int, int, int]:
    """Workers, threads and windows of a batch: the second worker is for short and urgent windows."""
    return 2, 1, 32


def _scripted(loading: Loading) -> TranscriptionEngine:
    from inference.engines.scripted import Script, ScriptedEngine

    return ScriptedEngine(Script.read(loading.script))


TRANSCRIPTION_ENGINES: Mapping[str, EngineKind] = {
    "faster_whisper": EngineKind(_faster_whisper, needs_weights=True, voice="silero"),
    "scripted": EngineKind(_scripted, needs_weights=False, voice="loudness"),
}
