"""The models in memory: loaded once on demand, put away when idle or when memory is needed for another."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import structlog

from inference import metrics
from inference.catalogue import CATALOGUE, MODELS, ModelRow
from inference.engines import TranscriptionEngine
from inference.hardware import Device, devices
from inference.scheduler import BatchPolicy, Scheduler
from inference.shelf import Shelf
from inference.warmth import warm_up
from rpc.errors import InvalidArgument, Unavailable
from weights import WeightsError

_log = structlog.get_logger(__name__)


class UnknownModel(InvalidArgument):
    """No row of the catalogue has this id."""

    reason = "unknown_model"


class ModelUnavailable(Unavailable):
    """The weights are not here and cannot be fetched, or there is no memory for them."""

    reason = "model_unavailable"


@dataclass(eq=False, slots=True)
class LoadedModel:
    """A model that is ready for windows."""

    row: ModelRow
    scheduler: Scheduler
    languages: tuple[str, ...]
    device: str
    users: int = 0
    idle_since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client should know about a row."""

    row: ModelRow
    available: bool
    served_by: str
    """Empty: nothing answers for it."""
    loaded: bool


@dataclass(frozen=True, slots=True)
class PoolPolicy:
    """Bounds of the pool."""

    batches: BatchPolicy
    memory_mebibytes: int
    idle_seconds: float
    substitute: str
    """Id of the model that stands in for those that cannot be had; empty: none."""
    fetch_wait_seconds: float = 10.0
    """How long a stream waits for weights that are being fetched."""


class ModelPool:
    """Used from one event loop, as a context: leaving it puts every model away."""

    def __init__(
        self,
        shelf: Shelf | None,
        load: Callable[[Path | None], TranscriptionEngine],
        policy: PoolPolicy,
        *,
        threads: Executor,
    ) -> None:
        """Without a shelf, for engines that need no weights, every model is here."""
        self._shelf = shelf
        self._load = load
        self._policy = policy
        self._threads = threads
        self._models: dict[str, LoadedModel] = {}
        self._loading: dict[str, asyncio.Task[LoadedModel]] = {}
        self._substituted: set[str] = set()
        self._sweeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to look for idle models."""
        self._sweeper = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Put every model away."""
        tasks = [*self._loading.values(), *([self._sweeper] if self._sweeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for model in list(self._models.values()):
            await self._put_away(model)

    @property
    def loaded(self) -> tuple[LoadedModel, ...]:
        """The models in memory."""
        return tuple(self._models.values())

    @property
    def devices(self) -> tuple[Device, ...]:
        """What the loaded models run on; the processor where none is loaded."""
        kind = "cuda" if any(model.device == "cuda" for model in self.loaded) else "cpu"
        return devices(kind)

    def standings(self) -> list[Standing]:
        """Tell about every row of the catalogue, in its order."""
        return [self._standing(row) for row in MODELS]

    @asynccontextmanager
    async def lease(self, model: str) -> AsyncIterator[LoadedModel]:
        """Hold a model, or its stand-in, in memory while a stream uses it. Raises UnknownModel, ModelUnavailable."""
        row = CATALOGUE.get(model)
        if row is None:
            raise UnknownModel(f"no such model: {model[:40]}; there are {', '.join(CATALOGUE)}")
        loaded = await self._obtain(row)
        loaded.users += 1
        try:
            yield loaded
        finally:
            loaded.users -= 1
            loaded.idle_since = time.monotonic()

    async def preload(self, model: str) -> None:
        """Load a model, or its stand-in, and keep it until the end, however long its fetch takes."""
        row = CATALOGUE[model]
        loaded = await self._obtain(row, patient=True)
        loaded.users += 1

    async def _obtain(self, row: ModelRow, *, patient: bool = False) -> LoadedModel:
        stand_in = CATALOGUE.get(self._policy.substitute)
        try:
            return await self._loaded(row, patient=patient)
        except ModelUnavailable as error:
            if stand_in is None or stand_in is row:
                raise
            if row.id not in self._substituted:
                self._substituted.add(row.id)
                _log.info("model_substituted", model=row.id, served_by=stand_in.id, reason=error.message)
            return await self._loaded(stand_in, patient=patient)

    async def _loaded(self, row: ModelRow, *, patient: bool) -> LoadedModel:
        if model := self._models.get(row.id):
            return model
        if self._shelf and (reason := self._shelf.refusal(row)):
            raise ModelUnavailable(reason, model=row.id)
        # One load, however many streams wait for it; a stream that goes away does not stop it.
        task = self._loading.get(row.id)
        if task is None:
            task = self._loading[row.id] = asyncio.create_task(self._bring(row))
            task.add_done_callback(lambda done: self._brought(row, done))
        try:
            return await asyncio.wait_for(asyncio.shield(task), None if patient else self._patience(row))
        except TimeoutError:
            message = f"the weights of {row.id} are being fetched"
            raise ModelUnavailable(message, retry_after=30.0, model=row.id) from None
        except WeightsError as error:
            raise ModelUnavailable(str(error), model=row.id) from error

    def _patience(self, row: ModelRow) -> float | None:
        """Seconds that a stream waits for a model: as long as it takes where nothing has to be fetched."""
        if self._shelf is None or self._shelf.here(row):
            return None
        # What failed before will probably fail again: the next try goes on behind those that it does not serve.
        return 0.0 if row.id in self._substituted else self._policy.fetch_wait_seconds

    def _brought(self, row: ModelRow, task: "asyncio.Task[LoadedModel]") -> None:
        del self._loading[row.id]
        if not task.cancelled() and (error := task.exception()):
            _log.warning("model_not_loaded", model=row.id, reason=str(error))

    async def _bring(self, row: ModelRow) -> LoadedModel:
        loop = asyncio.get_running_loop()
        started = time.monotonic()
        folder = await loop.run_in_executor(self._threads, self._shelf.fetch, row) if self._shelf else None
        await self._make_room(row)
        engine = await loop.run_in_executor(self._threads, self._open, folder)
        capabilities = engine.capabilities
        scheduler = Scheduler(engine, self._policy.batches)
        model = LoadedModel(row, scheduler, capabilities.languages, capabilities.device)
        self._models[row.id] = model
        metrics.MODELS_LOADED.set(len(self._models))
        _log.info("model_loaded", model=row.id, seconds=round(time.monotonic() - started, 2))
        return model

    def _open(self, folder: Path | None) -> TranscriptionEngine:
        engine = self._load(folder)
        warm_up(engine)
        return engine

    async def _make_room(self, row: ModelRow) -> None:
        """Put idle models away, the longest idle first, until this one fits."""
        bound = self._policy.memory_mebibytes
        while self._models and self._memory + row.memory_mebibytes > bound:
            idle = [model for model in self._models.values() if not model.users]
            if not idle:
                raise ModelUnavailable(f"no memory for {row.id} beside the models in use", retry_after=30.0)
            await self._put_away(min(idle, key=lambda model: model.idle_since))

    @property
    def _memory(self) -> int:
        return sum(model.row.memory_mebibytes for model in self._models.values())

    async def _put_away(self, model: LoadedModel) -> None:
        del self._models[model.row.id]
        metrics.MODELS_LOADED.set(len(self._models))
        await model.scheduler.close()
        _log.info("model_put_away", model=model.row.id)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(30.0, self._policy.idle_seconds))
            for model in self.loaded:
                if not model.users and time.monotonic() - model.idle_since > self._policy.idle_seconds:
                    await self._put_away(model)

    def _standing(self, row: ModelRow) -> Standing:
        available = self._shelf is None or self._shelf.obtainable(row)
        stand_in = CATALOGUE.get(self._policy.substitute)
        served_by = row.id if available else ""
        if not available and stand_in and (self._shelf is None or self._shelf.obtainable(stand_in)):
            served_by = stand_in.id
        return Standing(row, available, served_by, loaded=row.id in self._models)
