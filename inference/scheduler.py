"""The scheduler of one loaded model: it batches the windows of all sessions and runs them in threads of its own."""

import asyncio
import itertools
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from inference.backlog import Backlog
from inference.engines import TranscriptionEngine
from inference.pace import Pace
from inference.queueing import Job, WindowQueue
from inference.types import Decoded, DecodingOptions, LanguageScores, Priority, Window
from rpc.errors import Overloaded

Result = TypeVar("Result", Decoded, LanguageScores)

CLOSE_SECONDS = 30.0
"""How long running batches may take when a model is put away; one that hangs is left to the end of the process."""


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How windows are put together, and how many may wait."""

    max_batch: int
    """Windows in one call of the engine, at most its own bound."""
    max_wait: float
    """Seconds that a worker waits for a batch of files to fill."""
    queue_seconds: float
    """Audio that may be taken on and not worked off; past it new streams are refused."""


class QueueFull(Overloaded):
    """More audio is taken on than may wait."""


class SchedulerClosed(Overloaded):
    """The model was put away while windows waited."""


@dataclass(frozen=True, slots=True)
class _Work:
    window: Window
    options: DecodingOptions | None
    """None: score the languages."""
    future: "asyncio.Future[Any]"
    since: float


_Batch: TypeAlias = list[Job[_Work]]
_Outcome: TypeAlias = Decoded | LanguageScores | Exception


class Ticket(Generic[Result]):
    """A window's place in the queue, then its result."""

    def __init__(self, future: "asyncio.Future[Result]", cancel: Callable[[], bool]) -> None:
        self.future: asyncio.Future[Result] = future
        self._cancel = cancel

    def cancel(self) -> bool:
        """Give up the place; False if the window is in the engine already or done. Its result is lost either way."""
        waiting = self._cancel()
        self.future.cancel()
        return waiting


class Scheduler:
    """Used from one event loop; calls of the engine run in its threads."""

    def __init__(
        self, engine: TranscriptionEngine, policy: BatchPolicy, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        capabilities = engine.capabilities
        self._engine = engine
        self._policy = policy
        self._max_batch = min(policy.max_batch, capabilities.max_batch)
        self._workers = capabilities.workers
        self._clock = clock
        self._queue: WindowQueue[_Work] = WindowQueue()
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="decode")
        self._running: set[asyncio.Future[list[_Outcome]]] = set()
        self._bulk_running = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sessions = itertools.count(1)
        self.backlog = Backlog(policy.queue_seconds)
        self._closed = False
        self.pace = Pace(self._workers)

    @property
    def slots(self) -> int:
        """Batches that may run at once."""
        return self._workers

    @property
    def slots_in_use(self) -> int:
        """Batches that run now."""
        return len(self._running)

    @property
    def queued_seconds(self) -> float:
        """Audio that waits."""
        return self._queue.seconds

    @property
    def waiting_seconds(self) -> float:
        """Audio that was taken on and is not worked off, in the queue or not."""
        return max(self._queue.seconds, self.backlog.seconds)

    @property
    def delay(self) -> float:
        """Seconds that this takes, by the measured pace."""
        return self.waiting_seconds / self.pace.audio_per_second

    @property
    def oldest(self) -> float:
        """Seconds that the oldest window waits."""
        now = self._clock()
        return max((now - job.payload.since for job in self._queue.jobs()), default=0.0)

    def waiting(self, priority: Priority) -> float:
        """Seconds that the oldest window of a priority waits."""
        now = self._clock()
        return max((now - job.payload.since for job in self._queue.jobs() if job.priority is priority), default=0.0)

    @property
    def depth(self) -> int:
        """Windows of one file that keep the workers busy: what all files together should have here at once."""
        return 2 * max(1, self._workers - 1) * self._max_batch

    def admit(self, *, expected: float = 0.0, patience: float = 1.0) -> int:
        """Return the number of a new session. Raises QueueFull with the time until there is room.

        `expected` is the audio that it will have, in seconds, if that is known. `patience` times the bound may wait
        before it is refused: more for parts of what is already at work.
        """
        excess = self.waiting_seconds - patience * self._policy.queue_seconds
        if excess >= 0:
            raise QueueFull(
                "more audio waits than can be worked off soon",
                retry_after=max(1.0, (excess + 0.1 * self._policy.queue_seconds) / self.pace.audio_per_second),
            )
        session = self.enter()
        self._queue.foresee(session, expected)
        return session

    def enter(self) -> int:
        """Return the number of a new session that does not wait its turn behind others."""
        return next(self._sessions)

    def transcribe(
        self, session: int, window: Window, *, options: DecodingOptions, priority: Priority
    ) -> Ticket[Decoded]:
        """Queue a window for decoding."""
        future: asyncio.Future[Decoded] = asyncio.get_running_loop().create_future()
        return self._submit(session, _Work(window, options, future, self._clock()), future, priority=priority)

    def detect(self, session: int, window: Window, *, priority: Priority) -> Ticket[LanguageScores]:
        """Queue a window for scoring its languages."""
        future: asyncio.Future[LanguageScores] = asyncio.get_running_loop().create_future()
        return self._submit(session, _Work(window, None, future, self._clock()), future, priority=priority)

    def leave(self, session: int) -> None:
        """End a session: what it has waiting leaves the queue at once."""
        self.backlog.leave(session)
        for job in self._queue.leave(session):
            job.payload.future.cancel()

    async def close(self) -> None:
        """Let running batches end, fail what waits, and free the threads and the engine."""
        self._closed = True
        for job in list(self._queue.jobs()):
            self._queue.remove(job)
            if not job.payload.future.done():
                job.payload.future.set_exception(SchedulerClosed("the model was put away"))
        if self._timer:
            self._timer.cancel()
        stuck: set[asyncio.Future[list[_Outcome]]] = set()
        if self._running:
            _, stuck = await asyncio.wait(self._running, timeout=CLOSE_SECONDS)
        self._threads.shutdown(wait=False)
        if not stuck:
            self._engine.close()

    def _submit(
        self, session: int, work: _Work, future: "asyncio.Future[Result]", *, priority: Priority
    ) -> Ticket[Result]:
        if self._closed:
            raise SchedulerClosed("the model was put away")
        job = Job(session, priority, self._key(work), max(work.window.duration, 0.1), work)
        self._queue.push(job)
        if priority is Priority.FILE and self._policy.max_wait and len(self._queue) < self._max_batch:
            self._timer = self._timer or asyncio.get_running_loop().call_later(self._policy.max_wait, self._dispatch)
        else:
            self._dispatch()
        return Ticket(future, lambda: self._queue.remove(job))

    def _key(self, work: _Work) -> Hashable:
        if work.options is None:
            return ("detect", self._engine.bucket(work.window, DecodingOptions()))
        return (work.options.batch_key, self._engine.bucket(work.window, work.options))

    def _dispatch(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while len(self._running) < self._workers and not self._closed and (batch := self._next_batch()):
            self._start(batch)

    def _next_batch(self) -> _Batch:
        # Long and tentative work leaves one worker to finals and short files, if there is more than one.
        room = max(1, self._workers - 1) - self._bulk_running
        free = min(self._workers - len(self._running), max(room, 1))
        return self._queue.take(lambda mates: self._size(mates, free), bulk=room > 0)

    def _size(self, mates: int, free: int) -> int:
        # Shared out to the workers that are free or soon will be, rather than all given to the first: the last windows
        # of several recordings would keep one core busy and leave the others idle.
        return max(1, min(self._max_batch, -(-mates // max(free, self._workers - 1))))

    def _start(self, batch: _Batch) -> None:
        self._bulk_running += batch[0].bulk
        running = asyncio.get_running_loop().run_in_executor(self._threads, self._call, [job.payload for job in batch])
        self._running.add(running)
        running.add_done_callback(lambda done: self._ended(done, batch))

    def _ended(self, running: "asyncio.Future[list[_Outcome]]", batch: _Batch) -> None:
        self._running.discard(running)
        self._bulk_running -= batch[0].bulk
        if not running.cancelled():
            for job, outcome in zip(batch, running.result(), strict=True):
                _resolve(job.payload.future, outcome)
        self._dispatch()

    def _call(self, batch: list[_Work]) -> "list[_Outcome]":
        """Run a batch in a worker thread. Where it fails, its rows are tried alone: one must not fail the others."""
        started = time.perf_counter()
        try:
            outcomes: list[_Outcome] = list(self._decode(batch))
        except Exception as error:
            if len(batch) == 1:
                return [error]
            return [outcome for work in batch for outcome in self._call([work])]
        self.pace.note(audio=sum(work.window.duration for work in batch), seconds=time.perf_counter() - started)
        return outcomes

    def _decode(self, batch: list[_Work]) -> "list[Decoded] | list[LanguageScores]":
        windows = [work.window for work in batch]
        options = [work.options for work in batch if work.options is not None]
        return self._engine.transcribe(windows, options) if options else self._engine.detect(windows)


def _resolve(future: "asyncio.Future[Any]", outcome: "_Outcome") -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
