"""A thing that waiters can wait for again and again: something changed."""

import asyncio


class Changes:
    """Wakes all who wait at each `notify`; who waits checks its condition first and after."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def notify(self) -> None:
        """Wake everyone who waits now."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                if not each.done():
                    each.set_result(None)

    async def wait(self) -> None:
        """Wait for the next `notify`."""
        woken = asyncio.get_running_loop().create_future()
        self._waiting.append(woken)
        try:
            await woken
        finally:
            if not woken.done() or woken.cancelled():
                self._waiting = [each for each in self._waiting if each is not woken]
