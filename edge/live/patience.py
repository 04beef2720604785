"""How long a stream waits for its client: a bound on many short waits in a row at the cost of one timer."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")


class Patience:
    """Bounds waits of one task. `asyncio.timeout` would set and cancel a timer for each frame of each stream.

    The timer that runs is left alone when a wait ends; when it fires, it looks whether somebody waits for too long.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._deadline: float | None = None
        self._waiter: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lost = False

    async def wait(self, awaitable: Awaitable[Result], *, since: float) -> Result:
        """The awaitable's result. Raises `TimeoutError` once `seconds` have passed since then, by `time.monotonic`."""
        self._deadline = since + self.seconds
        self._waiter = asyncio.current_task()
        if self._timer is None:
            self._set_timer()
        waiter = self._waiter
        try:
            result = await awaitable
        except asyncio.CancelledError:
            if self._lost and waiter is not None and waiter.uncancel() <= 0:
                raise TimeoutError from None
            raise
        else:
            if self._lost and waiter is not None:
                waiter.uncancel()  # it came after all
            return result
        finally:
            self._deadline = self._waiter = None
            self._lost = False

    def close(self) -> None:
        """No more waits come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        due = self.seconds if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None or self._waiter is None:
            return  # the next wait sets it again
        if time.monotonic() >= self._deadline:
            self._lost = True
            self._waiter.cancel()
        else:
            self._set_timer()
