"""The pool of one engine: the streams of all callers advance in batches on a bounded number of threads."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from inference.diarizing.lane import Lane, Load, Task
from inference.engines.diarization import DiarizationEngine, DiarizationOptions
from inference.pace import Pace
from inference.types import SAMPLE_RATE
from rpc.errors import Internal, Overloaded

_log = structlog.get_logger(__name__)


class QueueFull(Overloaded):
    """More audio waits than can be worked off soon."""


class LiveFull(Overloaded):
    """As many live streams are open as can be kept up with."""


class PoolClosed(Overloaded):
    """The process ends."""


class EngineFailed(Internal):
    """The engine failed on this stream's audio."""

    reason = "engine_failed"


@dataclass(frozen=True, slots=True)
class PoolPolicy:
    """How much may wait, and how much goes together."""

    max_batch: int
    backlog_seconds: float
    """Audio of one recording that may wait."""
    queue_seconds: float
    """Audio that may wait in all."""
    live_streams: int
    """Live streams at once."""


class Pool:
    """Used from one event loop. Live streams go before recordings, and within each the one that waited longest."""

    def __init__(
        self, engine: DiarizationEngine[Any], policy: PoolPolicy, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        capabilities = engine.capabilities
        self.engine = engine
        self._policy = policy
        self._batch = min(policy.max_batch, capabilities.max_batch)
        self._workers = capabilities.workers
        self._clock = clock
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="diarize")
        self._lanes: list[Lane] = []
        self._turn = itertools.count()
        self._running: set[asyncio.Future[list[Task]]] = set()
        self._pace = Pace(self._workers)
        self._closed = False

    @asynccontextmanager
    async def lane(self, options: DiarizationOptions) -> AsyncIterator[Lane]:
        """Open a stream; leaving gives its place up at once. Raises QueueFull, LiveFull."""
        if self._closed:
            raise PoolClosed("the process ends")
        self._admit(options)
        backlog = 0.0 if options.live else self._policy.backlog_seconds
        lane = Lane(self.engine.open(options), live=options.live, backlog=backlog, wake=self._dispatch)
        lane.served = next(self._turn)
        self._lanes.append(lane)
        try:
            yield lane
        finally:
            self._lanes.remove(lane)

    @property
    def load(self) -> Load:
        """How busy the pool is."""
        queued = self._queued
        return Load(
            slots=self._workers,
            slots_in_use=len(self._running),
            queued=queued,
            queue_limit=self._policy.queue_seconds,
            delay=queued / self._pace.audio_per_second,
        )

    @property
    def oldest(self) -> float:
        """Seconds that the longest waiting stream waits."""
        now = self._clock()
        return max((now - lane.since for lane in self._lanes if lane.since is not None), default=0.0)

    async def close(self) -> None:
        """Fail open streams, let running calls end, and free the threads and the engine."""
        self._closed = True
        for lane in self._lanes:
            lane.fail(PoolClosed("the process ends"))
        if self._running:
            await asyncio.wait(self._running)
        self._threads.shutdown(wait=False)
        self.engine.close()

    @property
    def _queued(self) -> float:
        return sum(lane.waiting for lane in self._lanes)

    def _admit(self, options: DiarizationOptions) -> None:
        if options.live and sum(lane.live for lane in self._lanes) >= self._policy.live_streams:
            raise LiveFull("no more live streams can be kept up with", retry_after=5.0)
        excess = self._queued - self._policy.queue_seconds
        if not options.live and excess >= 0:
            raise QueueFull(
                "more audio waits than can be worked off soon",
                retry_after=max(1.0, excess / self._pace.audio_per_second),
            )

    def _dispatch(self) -> None:
        while not self._closed and len(self._running) < self._workers and (lanes := self._next()):
            tasks = [lane.begin() for lane in lanes]
            running = asyncio.get_running_loop().run_in_executor(self._threads, self._work, tasks)
            self._running.add(running)
            running.add_done_callback(partial(self._ended, lanes))
        now = self._clock()
        for lane in self._lanes:
            lane.note_waiting(now)

    def _next(self) -> list[Lane]:
        ready = sorted((lane for lane in self._lanes if lane.ready), key=lambda lane: (not lane.live, lane.served))
        if not ready:
            return []
        mates = [lane for lane in ready if lane.live == ready[0].live]
        # Shared out to the free workers rather than all given to the first.
        free = self._workers - len(self._running)
        batch = mates[: max(1, min(self._batch, -(-len(mates) // free)))]
        for lane in batch:
            lane.served = next(self._turn)
        return batch

    def _work(self, tasks: list[Task]) -> list[Task]:
        """Run in a worker thread: hand the streams their audio and advance them."""
        started = time.perf_counter()
        try:
            for task in tasks:
                task.hand_over()
            self.engine.advance([task.stream for task in tasks])
            for task in tasks:
                task.collect()
        except Exception as error:  # whatever a library raises belongs to whoever waits
            _log.exception("engine_failed", streams=len(tasks))
            for task in tasks:
                task.error = EngineFailed(f"the engine failed: {type(error).__name__}")
        audio = sum(task.samples for task in tasks) / SAMPLE_RATE
        self._pace.note(audio=audio, seconds=time.perf_counter() - started)
        return tasks

    def _ended(self, lanes: list[Lane], running: "asyncio.Future[list[Task]]") -> None:
        self._running.discard(running)
        for lane, task in zip(lanes, running.result(), strict=True):
            lane.end(task)
        self._dispatch()
