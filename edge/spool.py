"""Unlinked files that bytes stream into: nothing is left behind, whatever dies."""

import asyncio
import errno
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from edge.errors import ServiceUnavailable

BUFFER_BYTES = 1 << 20
"""Bytes gathered before they are written; twice that is held at most."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class SpoolFull(ServiceUnavailable):
    """The disk has no room for the upload."""

    code = "spool_full"


class Spool:
    """Appends in threads, one write at a time, while the next buffer fills."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = 0
        """Bytes appended, written or not."""
        self._buffer = bytearray()
        self._writing: asyncio.Future[None] | None = None

    async def append(self, data: bytes) -> None:
        """Take bytes; waits while the disk is slower than the caller. Raises `SpoolFull`."""
        self.size += len(data)
        self._buffer += data
        if len(self._buffer) >= BUFFER_BYTES:
            await self._next_write()

    async def flush(self) -> None:
        """Write what is left. Raises `SpoolFull`."""
        if self._buffer:
            await self._next_write()
        await self.settle()

    async def settle(self) -> None:
        """Wait for the write under way; a caller that is cancelled meanwhile leaves it alone. Raises `SpoolFull`."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
            writing, self._writing = self._writing, None
            writing.result()

    async def _next_write(self) -> None:
        await self.settle()
        full, self._buffer = self._buffer, bytearray()
        self._writing = asyncio.get_running_loop().run_in_executor(None, self._write, full)

    def _write(self, data: bytearray) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.descriptor, view) :]
        except OSError as error:
            if error.errno in NO_ROOM:
                raise SpoolFull("The server has no room for the upload now.", retry_after=60) from error
            raise


@asynccontextmanager
async def open_spool(folder: Path) -> AsyncIterator[Spool]:
    """A spool in a file without a name inside `folder`."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        spool = Spool(file.fileno())
        try:
            yield spool
        finally:
            # A thread may still write to the descriptor: it must not be closed, and its number reused, before.
            with suppress(ServiceUnavailable, OSError):
                await spool.settle()
