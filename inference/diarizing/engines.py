"""The engines of the process: loaded, tried once, and chosen for each stream by what they can do."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from inference.diarizing.catalogue import DIARIZATION_ENGINES, Loading
from inference.diarizing.messages import StreamConfig
from inference.diarizing.pool import Pool, PoolPolicy
from inference.diarizing.settings import DiarizationSettings
from inference.engines.diarization import DiarizationEngine, DiarizationOptions
from inference.types import SAMPLE_RATE
from rpc.errors import InvalidArgument, NotFound, Unimplemented
from weights import Store
from weights.progress import progress_bar

_log = structlog.get_logger(__name__)

_LIVE_PER_WORKER = 6


class UnknownEngine(NotFound):
    """No engine of this name is loaded here."""

    reason = "unknown_engine"


class TooManySpeakers(InvalidArgument):
    """No engine here tells so many speakers apart."""

    reason = "too_many_speakers"


class NotLive(Unimplemented):
    """The engine gives turns of whole recordings only."""

    reason = "not_live"


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine of a stream, and what is in force with it."""

    name: str
    pool: Pool
    options: DiarizationOptions


class Engines:
    """The pools by the name of their engine."""

    def __init__(self, pools: Mapping[str, Pool], *, default: str, crowd: str, latency: float) -> None:
        self._pools = pools
        self._default = default
        self._crowd = crowd
        self._latency = latency

    @property
    def pools(self) -> list[Pool]:
        """All of them."""
        return list(self._pools.values())

    def choose(self, config: StreamConfig) -> Choice:
        """Return the engine that a stream asks for, or the one for crowds if it expects more speakers than that can.

        Raises UnknownEngine, TooManySpeakers, NotLive.
        """
        name = config.engine or self._default
        if name not in self._pools:
            raise UnknownEngine(f"the engines here are {', '.join(sorted(self._pools))}")
        if config.speakers > self._pools[name].engine.capabilities.max_speakers:
            name = self._crowd or name
        capabilities = self._pools[name].engine.capabilities
        if config.speakers > capabilities.max_speakers:
            raise TooManySpeakers(f"{name} tells at most {capabilities.max_speakers} speakers apart")
        if config.live and not capabilities.streaming:
            raise NotLive(f"{name} gives turns of whole recordings only")
        latency = max(capabilities.latency, config.latency or self._latency) if config.live else 0.0
        return Choice(name, self._pools[name], DiarizationOptions(config.speakers, live=config.live, latency=latency))


def load_engines(settings: DiarizationSettings, store: Store) -> dict[str, DiarizationEngine[Any]]:
    """Fetch the weights of the engines in use, load them, and run each once. Blocks. Raises WeightsError."""
    engines: dict[str, DiarizationEngine[Any]] = {}
    for name in dict.fromkeys((settings.engine, settings.crowd_engine)):
        if name:
            engines[name] = _load(name, settings, store)
    return engines


def pool_policy(settings: DiarizationSettings, workers: int) -> PoolPolicy:
    """Return the bounds of a pool."""
    return PoolPolicy(
        max_batch=settings.max_batch,
        backlog_seconds=settings.backlog_seconds,
        queue_seconds=settings.queue_seconds,
        live_streams=settings.live_streams or _LIVE_PER_WORKER * workers,
    )


def _load(name: str, settings: DiarizationSettings, store: Store) -> DiarizationEngine[Any]:
    kind = DIARIZATION_ENGINES.get(name)
    if kind is None:
        raise UnknownEngine(f"the engines are {', '.join(sorted(DIARIZATION_ENGINES))}")
    folder = settings.weights_folder
    if folder is None and kind.weights is not None:
        folder = store.find(kind.weights)
        if folder is None:
            with progress_bar(kind.weights.name) as progress:
                folder = store.fetch(kind.weights, progress)
    engine = kind.load(
        Loading(
            folder=folder,
            device=settings.device,
            workers=settings.workers or max(1, (os.cpu_count() or 2) // 2),
            threads=settings.threads,
            model=settings.sortformer_model,
            script=settings.script,
        )
    )
    _try(engine)
    _log.info("engine_loaded", engine=name, device=engine.capabilities.device)
    return engine


def _try(engine: DiarizationEngine[Any]) -> None:
    """Run a made-up recording through, so that `ready` means that the engine works."""
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * 120 * harmonic * time) / harmonic for harmonic in range(1, 12))
    stream = engine.open(DiarizationOptions())
    stream.push(np.asarray(buzz * np.clip(np.sin(2 * np.pi * 4 * time), 0, 1) * 6000, np.int16))
    stream.finish()
    while not stream.done:
        engine.advance([stream])
