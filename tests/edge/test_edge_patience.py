"""Waits of one task that share one timer."""

import asyncio
import time

import pytest

from edge.changes import Changes
from edge.live.patience import Patience


async def test_a_wait_ends_at_its_bound_and_the_next_one_can_go_on() -> None:
    patience = Patience(0.05)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await patience.wait(asyncio.Event().wait(), since=time.monotonic())
        assert await patience.wait(asyncio.sleep(0, "heard"), since=time.monotonic()) == "heard"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    patience.close()


async def test_many_short_waits_are_longer_than_the_bound_together() -> None:
    patience = Patience(0.5)
    begun = time.monotonic()
    while time.monotonic() - begun < 1.2:
        assert await patience.wait(asyncio.sleep(0.01, "heard"), since=time.monotonic()) == "heard"
    patience.close()


async def test_a_bound_that_began_earlier_is_over_earlier() -> None:
    patience = Patience(60.0)
    with pytest.raises(TimeoutError):
        await patience.wait(asyncio.Event().wait(), since=time.monotonic() - 61)
    patience.close()


async def test_who_is_cancelled_meanwhile_is_cancelled() -> None:
    patience = Patience(60.0)
    task = asyncio.create_task(patience.wait(asyncio.Event().wait(), since=time.monotonic()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    patience.close()


async def test_all_who_wait_are_woken_and_who_gives_up_is_forgotten() -> None:
    changes = Changes()
    waiting = [asyncio.create_task(changes.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    changes.notify()
    await asyncio.gather(*waiting[1:])
    changes.notify()
    assert not changes._waiting
