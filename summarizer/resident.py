"""The model that answers: its weights fetched in the background, loaded on first use, let go when idle."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from summarizer.catalogue import Model
from summarizer.engines import Engine, Generation, Message
from summarizer.errors import ModelFetching, ModelUnavailable
from weights.errors import WeightsError
from weights.meter import Progress
from weights.progress import progress_bar
from weights.store import Store

_FETCH_RETRY_SECONDS = 15.0
_ABSENT_RETRY_SECONDS = 60.0

_FIRST = Generation((Message("user", "Say yes."),), max_tokens=1)

_log = structlog.get_logger(__name__)

Open = Callable[[Path | None, str], Awaitable[Engine]]
"""Loads the weights (None: the engine has its own) under the model's id."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where the model stands."""

    model: str
    state: str
    """`ready`, `fetching`, `absent` or `failed`."""
    fetched_bytes: int = 0
    total_bytes: int = 0


class Fetched:
    """Weights on their way: the first of several models that can be had, got in a thread of its own."""

    def __init__(self, models: Sequence[Model], *, store: Store, retry_seconds: float = 300.0) -> None:
        self._models = models
        self._retry_seconds = retry_seconds
        self._store = store
        self._settled = asyncio.Event()
        self._stopped = threading.Event()
        self.found: tuple[Model, Path] | None = None
        self.status = Status(models[0].id, "fetching", 0, models[0].weights.size)

    async def run(self) -> None:
        """Find or fetch the weights, again and again while they cannot be had. Returns once they are here."""
        loop = asyncio.get_running_loop()
        try:
            while self.found is None:
                self._settled.clear()
                # Not the loop's own pool: the process must be able to end in the middle of a gigabyte.
                threading.Thread(target=self._fetch, args=(loop,), name="weights", daemon=True).start()
                await self._settled.wait()
                if self.found is None:
                    await asyncio.sleep(self._retry_seconds)
        finally:
            self._stopped.set()

    def _fetch(self, loop: asyncio.AbstractEventLoop) -> None:
        status = Status(self._models[0].id, "absent")
        # What is here already is better than what would have to be fetched, even if that is preferred.
        for model in sorted(self._models, key=lambda model: not self._store.has(model.weights)):
            try:
                with progress_bar(model.id) as bar:
                    folder = self._store.fetch(model.weights, partial(self._show, model, bar))
            except WeightsError as error:
                _log.warning("model_not_fetched", model=model.id, reason=str(error))
                continue
            except Exception:
                _log.exception("model_fetch_failed", model=model.id)
                status = Status(model.id, "failed")
                continue
            self.found = (model, folder / model.file)
            status = Status(model.id, "ready", model.weights.size, model.weights.size)
            break
        self.status = status
        _log.info("model_settled", model=status.model, state=status.state)
        with contextlib.suppress(RuntimeError):
            # The loop may have been closed meanwhile: then nobody waits.
            loop.call_soon_threadsafe(self._settled.set)

    def _show(self, model: Model, bar: Progress, fetched: int, total: int) -> None:
        if self._stopped.is_set():
            raise WeightsError("the process is ending")
        self.status = Status(model.id, "fetching", fetched, total)
        bar(fetched, total)


class Resident:
    """Gives streams the engine while they need it."""

    def __init__(self, opening: Open, *, model: str, weights: Fetched | None = None, idle_seconds: float = 0) -> None:
        self._opening = opening
        self._model = model
        self._weights = weights
        self._idle_seconds = idle_seconds
        """0: the engine stays once it is loaded."""
        self._engine: Engine | None = None
        self._loading = asyncio.Lock()
        self._leases = 0
        self._idle: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def status(self) -> Status:
        """Where the model stands."""
        return self._weights.status if self._weights is not None else Status(self._model, "ready")

    @property
    def engine(self) -> Engine | None:
        """The engine while it is in memory."""
        return self._engine

    @property
    def model(self) -> str:
        """Id of the model that answers."""
        return self._engine.capabilities.model if self._engine is not None else self.status.model

    def check(self) -> None:
        """Raise `ModelFetching` or `ModelUnavailable` unless the model can answer."""
        status = self.status
        if status.state == "fetching":
            megabytes = f"{status.fetched_bytes >> 20} of {status.total_bytes >> 20} MiB"
            raise ModelFetching(
                f"the language model is being fetched ({megabytes}); summaries come once it is here",
                retry_after=_FETCH_RETRY_SECONDS,
                fetched_bytes=str(status.fetched_bytes),
                total_bytes=str(status.total_bytes),
            )
        if status.state != "ready":
            raise ModelUnavailable(
                "no language model is here, nor could one be fetched", retry_after=_ABSENT_RETRY_SECONDS
            )

    async def fetch(self) -> None:
        """Get the weights, if the engine's are not its own. Returns once they are here."""
        if self._weights is not None:
            await self._weights.run()

    async def prepare(self) -> None:
        """Load an engine whose weights are its own and run one real pass; others are loaded on first use."""
        if self._weights is None:
            async with self.lease() as engine, aclosing(engine.generate(_FIRST)) as fragments:
                async for _ in fragments:
                    pass

    @contextlib.asynccontextmanager
    async def lease(self) -> AsyncIterator[Engine]:
        """Give the engine, loaded if need be. Raises as `check`, and `EngineFailed`."""
        self.check()
        self._leases += 1
        if self._idle is not None:
            self._idle.cancel()
        try:
            async with self._loading:
                if self._engine is not None and not self._engine.alive:
                    _log.warning("engine_replaced", model=self._engine.capabilities.model)
                    dead, self._engine = self._engine, None
                    await dead.close()
                if self._engine is None:
                    found = self._weights.found if self._weights is not None else None
                    model, path = (found[0].id, found[1]) if found is not None else (self._model, None)
                    self._engine = await self._opening(path, model)
            yield self._engine
        finally:
            self._leases -= 1
            if self._leases == 0 and self._idle_seconds and self._engine is not None:
                self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._let_go)

    def _let_go(self) -> None:
        if self._leases == 0 and self._engine is not None:
            engine, self._engine = self._engine, None
            _log.info("model_idle", model=engine.capabilities.model)
            task = asyncio.get_running_loop().create_task(engine.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Free the engine."""
        if self._idle is not None:
            self._idle.cancel()
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()
        for task in tuple(self._closing):
            await task
