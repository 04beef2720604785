"""The scheduler with an engine whose calls the test lets go one by one."""

import asyncio
import threading
from collections.abc import AsyncIterator, Hashable, Sequence

import numpy as np
import pytest

from inference.engines import TranscriptionCapabilities
from inference.queueing import EXPRESS_SECONDS
from inference.scheduler import BatchPolicy, QueueFull, Scheduler, SchedulerClosed
from inference.types import SAMPLE_RATE, Decoded, DecodingOptions, LanguageScores, Priority, Span, Window

OPTIONS = DecodingOptions(language="en")


class GatedEngine:
    """An engine whose calls wait until the test lets them go."""

    def __init__(self, *, workers: int = 1, max_batch: int = 4) -> None:
        self.capabilities = TranscriptionCapabilities(("en", "de"), max_batch, workers, "cpu")
        self.calls: list[list[float]] = []
        self.closed = False
        self._gate = threading.Semaphore(0)

    def let(self, calls: int = 1) -> None:
        """Let calls end."""
        self._gate.release(calls)

    def bucket(self, window: Window, options: DecodingOptions) -> Hashable:
        return window.duration > 15.0, bool(options.prompt)

    def detect(self, windows: Sequence[Window]) -> list[LanguageScores]:
        self._call(windows)
        return [LanguageScores({"en": 1.0}) for _ in windows]

    def transcribe(self, windows: Sequence[Window], options: Sequence[DecodingOptions]) -> list[Decoded]:
        self._call(windows)
        if any(window.start == 666.0 for window in windows):
            raise ArithmeticError("the window of the beast")
        return [Decoded((), option.language, 1.0) for option in options]

    def close(self) -> None:
        self.closed = True

    def _call(self, windows: Sequence[Window]) -> None:
        self.calls.append([window.start for window in windows])
        if not self._gate.acquire(timeout=60):
            raise TimeoutError


def window(start: float, seconds: float = 10.0) -> Window:
    return Window(start, np.zeros(round(seconds * SAMPLE_RATE), np.int16), (Span(start, start + seconds),))


async def running(engine: GatedEngine, calls: int) -> None:
    """Wait until the engine was called so often."""
    async with asyncio.timeout(60):
        while len(engine.calls) < calls:
            await asyncio.sleep(0.001)


@pytest.fixture
async def engine() -> AsyncIterator[GatedEngine]:
    yield (engine := GatedEngine())
    engine.let(1000)


def scheduler(engine: GatedEngine, *, queue_seconds: float = 1e6, max_wait: float = 0.0) -> Scheduler:
    return Scheduler(engine, BatchPolicy(max_batch=64, max_wait=max_wait, queue_seconds=queue_seconds))


async def test_windows_of_different_sessions_share_a_batch(engine: GatedEngine) -> None:
    one = scheduler(engine)
    sessions = [one.admit() for _ in range(5)]
    tickets = [
        one.transcribe(session, window(session), options=OPTIONS, priority=Priority.FILE) for session in sessions
    ]
    await running(engine, 1)
    engine.let(2)
    await asyncio.gather(*(ticket.future for ticket in tickets))
    assert engine.calls == [[1.0], [2.0, 3.0, 4.0, 5.0]]
    await one.close()
    assert engine.closed


async def test_windows_that_differ_in_kind_do_not(engine: GatedEngine) -> None:
    one = scheduler(engine)
    blocker = one.admit()
    one.transcribe(blocker, window(0), options=OPTIONS, priority=Priority.FILE)
    await running(engine, 1)
    session = one.admit()
    waiting = [
        one.transcribe(session, window(1), options=OPTIONS, priority=Priority.FILE),
        one.transcribe(session, window(2), options=DecodingOptions(words=False), priority=Priority.FILE),
        one.transcribe(session, window(3, 20.0), options=OPTIONS, priority=Priority.FILE),
        one.transcribe(session, window(4), options=DecodingOptions(prompt="so"), priority=Priority.FILE),
    ]
    detected = one.detect(session, window(5), priority=Priority.FILE)
    engine.let(6)
    await asyncio.gather(detected.future, *(ticket.future for ticket in waiting))
    assert sorted(engine.calls) == [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]
    await one.close()


async def test_a_final_passes_drafts_and_files(engine: GatedEngine) -> None:
    one = scheduler(engine)
    session = one.admit()
    tickets = [one.transcribe(session, window(0), options=OPTIONS, priority=Priority.FILE)]
    await running(engine, 1)
    for start, priority in ((1, Priority.FILE), (2, Priority.INTERIM), (3, Priority.FINAL)):
        tickets.append(one.transcribe(session, window(start), options=OPTIONS, priority=priority))
    engine.let(4)
    await asyncio.gather(*(ticket.future for ticket in tickets))
    assert engine.calls == [[0.0], [3.0], [2.0], [1.0]]
    await one.close()


async def test_who_leaves_is_decoded_no_more(engine: GatedEngine) -> None:
    one = scheduler(engine)
    gone, stays = one.admit(), one.admit()
    lost = [one.transcribe(gone, window(n), options=OPTIONS, priority=Priority.FILE) for n in range(6)]
    await running(engine, 1)
    kept = one.transcribe(stays, window(100), options=OPTIONS, priority=Priority.FILE)
    one.leave(gone)
    assert one.queued_seconds == 10.0
    assert all(ticket.future.cancelled() for ticket in lost[1:])
    engine.let(2)
    await kept.future
    assert engine.calls == [[0.0], [100.0]]
    await one.close()


async def test_a_ticket_gives_up_its_place(engine: GatedEngine) -> None:
    one = scheduler(engine)
    session = one.admit()
    first = one.transcribe(session, window(0), options=OPTIONS, priority=Priority.FILE)
    second = one.transcribe(session, window(1), options=OPTIONS, priority=Priority.FILE)
    await running(engine, 1)
    assert second.cancel()
    assert not first.cancel()
    assert one.queued_seconds == 0.0
    engine.let()
    await one.close()
    assert engine.calls == [[0.0]]


async def test_one_window_that_fails_does_not_fail_its_batch(engine: GatedEngine) -> None:
    one = scheduler(engine)
    session = one.admit()
    tickets = [
        one.transcribe(session, window(start), options=OPTIONS, priority=Priority.FILE) for start in (0, 1, 666, 3)
    ]
    engine.let(100)
    results = await asyncio.gather(*(ticket.future for ticket in tickets), return_exceptions=True)
    assert [isinstance(result, Decoded) for result in results] == [True, True, False, True]
    assert isinstance(results[2], ArithmeticError)
    await one.close()


async def test_past_its_bound_the_queue_takes_no_new_session(engine: GatedEngine) -> None:
    one = scheduler(engine, queue_seconds=25.0)
    session = one.admit()
    for start in range(4):
        one.transcribe(session, window(start), options=OPTIONS, priority=Priority.FILE)
    with pytest.raises(QueueFull) as refused:
        one.admit()
    assert refused.value.retry_after is not None
    assert refused.value.retry_after >= 1.0
    one.leave(session)
    assert one.admit() > session
    engine.let()
    await one.close()


async def test_long_work_leaves_a_worker_to_short_work() -> None:
    engine = GatedEngine(workers=2, max_batch=1)
    one = scheduler(engine)
    long, short = one.admit(), one.admit()
    express = int(EXPRESS_SECONDS // 10)
    first = [one.transcribe(long, window(n), options=OPTIONS, priority=Priority.FILE) for n in range(express)]
    engine.let(express)
    await asyncio.gather(*(ticket.future for ticket in first))
    for start in range(express, express + 4):
        one.transcribe(long, window(start), options=OPTIONS, priority=Priority.FILE)
    await running(engine, express + 1)
    assert one.slots_in_use == 1
    ticket = one.transcribe(short, window(1000), options=OPTIONS, priority=Priority.FILE)
    await running(engine, express + 2)
    assert engine.calls[-1] == [1000.0]
    one.leave(long)
    engine.let(100)
    await ticket.future
    await one.close()


async def test_the_last_windows_go_to_several_workers() -> None:
    engine = GatedEngine(workers=3, max_batch=2)
    one = scheduler(engine)
    sessions = [one.admit() for _ in range(5)]
    tickets = [
        one.transcribe(session, window(number), options=OPTIONS, priority=Priority.FILE)
        for number, session in enumerate(sessions)
    ]
    await running(engine, 3)
    engine.let()
    await running(engine, 4)
    assert engine.calls[3] == [3.0]
    engine.let(100)
    await asyncio.gather(*(ticket.future for ticket in tickets))
    assert engine.calls[4:] == [[4.0]]
    await one.close()


async def test_what_waits_when_a_model_is_put_away_is_told(engine: GatedEngine) -> None:
    one = scheduler(engine)
    session = one.admit()
    tickets = [one.transcribe(session, window(n), options=OPTIONS, priority=Priority.FILE) for n in range(3)]
    await running(engine, 1)
    engine.let()
    await one.close()
    results = await asyncio.gather(*(ticket.future for ticket in tickets), return_exceptions=True)
    assert [type(result) for result in results] == [Decoded, SchedulerClosed, SchedulerClosed]
    with pytest.raises(SchedulerClosed):
        one.transcribe(session, window(9), options=OPTIONS, priority=Priority.FILE)


async def test_a_batch_of_files_waits_a_little_to_fill(engine: GatedEngine) -> None:
    one = scheduler(engine, max_wait=0.2)
    sessions = [one.admit() for _ in range(3)]
    tickets = [
        one.transcribe(session, window(session), options=OPTIONS, priority=Priority.FILE) for session in sessions
    ]
    engine.let()
    await asyncio.gather(*(ticket.future for ticket in tickets))
    assert engine.calls == [[1.0, 2.0, 3.0]]
    await one.close()
