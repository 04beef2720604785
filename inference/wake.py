"""A signal: something that one task waits for and others fire, any number of times."""

import asyncio


class Signal:
    """Waited for as a future, so that a wait for this or something else needs no task of its own."""

    def __init__(self) -> None:
        self._future: asyncio.Future[None] | None = None

    @property
    def fired(self) -> "asyncio.Future[None]":
        """Done once the signal fires after this was asked for."""
        if self._future is None or self._future.done():
            self._future = asyncio.get_running_loop().create_future()
        return self._future

    def fire(self) -> None:
        """Wake whoever waits."""
        if self._future is not None and not self._future.done():
            self._future.set_result(None)
