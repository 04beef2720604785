"""A recording's audio on disk: written once by the decoder, read by each service at its own pace."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge.changes import Changes
from edge.spool import NO_ROOM, SpoolFull
from edge.threads import in_thread
from edge.types import BYTES_PER_SECOND

CHUNK_BYTES = 128 * 1024
LEAD_BYTES = 2 * 3600 * BYTES_PER_SECOND
"""How far the decoder may be ahead of the fastest reader: most recordings are decoded in one go, bombs are not."""


class Recording:
    """Signed 16-bit mono samples, 16,000 a second."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._written = 0
        self._read = 0
        self.whole = False
        self.changes = Changes()

    @property
    def seconds(self) -> float:
        """Length of what was written."""
        return self._written / BYTES_PER_SECOND

    async def append(self, pcm: bytes) -> None:
        """Write the next samples; waits while readers are far behind. Raises `SpoolFull`."""
        while self._written - self._read > LEAD_BYTES:
            await self.changes.wait()
        await in_thread(self._write, pcm, self._written)
        self._written += len(pcm)
        self.changes.notify()

    def finish(self) -> None:
        """No more audio comes."""
        self.whole = True
        self.changes.notify()

    async def at(self, position: int) -> bytes:
        """Some bytes from `position` on; at once nothing if none are there."""
        size = min(CHUNK_BYTES, self._written - position)
        if size <= 0:
            return b""
        data = await in_thread(os.pread, self._descriptor, size, position)
        self._read = max(self._read, position + size)
        self.changes.notify()
        return data

    def keep_from(self, time: float) -> None:
        """All of it is kept: it is on disk."""

    def _write(self, pcm: bytes, offset: int) -> None:
        view = memoryview(pcm)
        try:
            while view:
                count = os.pwrite(self._descriptor, view, offset)
                view, offset = view[count:], offset + count
        except OSError as error:
            if error.errno in NO_ROOM:
                raise SpoolFull("The server has no room for the audio now.", retry_after=60) from error
            raise


@asynccontextmanager
async def open_recording(folder: Path) -> AsyncIterator[Recording]:
    """A recording in a file without a name inside `folder`."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        yield Recording(file.fileno())
