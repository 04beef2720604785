"""A thing that waiters can wait for again and again: something changed."""

import asyncio


class Changes:
    """Wakes all who wait at each `notify`; who waits checks its condition first and after."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake everyone who waits now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next `notify`."""
        await self._event.wait()
