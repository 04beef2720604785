"""The child process as its parent sees it: a pipe of frames, and an end that leaves nothing behind."""

import asyncio
import os
import signal
import subprocess
from typing import Self

from media import wire
from media.errors import MediaError, MediaLimitExceeded, MediaTimeout, UnreadableMedia
from media.sandbox import Sandbox, environment, python

_EXIT_SECONDS = 5.0
"""How long a child that has closed its pipe may take to be gone."""
_SHELL_SIGNAL = 128
"""bubblewrap, as shells do, reports a child killed by a signal as this plus the signal's number."""


class Child:
    """A running child. Whoever started it awaits `stop`, whatever happened."""

    def __init__(self, process: subprocess.Popen[bytes], stdout: asyncio.StreamReader) -> None:
        self._process = process
        self._stdout = stdout
        self._transport: asyncio.BaseTransport | None = None

    @classmethod
    async def start(cls, settings: str, *, stdin: int, sandbox: Sandbox) -> Self:
        """Start a child that reads `stdin`. Not in a thread: bubblewrap ends its child with the thread it is from."""
        read_end, write_end = os.pipe()
        pipe = os.fdopen(read_end, "rb", buffering=0)
        try:
            process = subprocess.Popen(  # noqa: ASYNC220, S603  # a few milliseconds; our own command
                [*sandbox.prefix, *python(), "-m", "media.child", settings],
                stdin=stdin,
                stdout=write_end,
                stderr=subprocess.DEVNULL,
                env=environment(),
            )
        except BaseException:
            pipe.close()
            raise
        finally:
            os.close(write_end)
        # The reader stops reading the pipe at twice its limit; the child then blocks: that is the backpressure.
        child = cls(process, asyncio.StreamReader(limit=wire.MAX_PAYLOAD))
        try:
            child._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(child._stdout), pipe
            )
        except BaseException:
            pipe.close()
            await child.stop()
            raise
        return child

    async def frame(self) -> tuple[bytes, bytes]:
        """Return the kind and the payload of the next frame. Raises MediaError if the child died or talks nonsense."""
        try:
            kind, length = wire.HEADER.unpack(await self._stdout.readexactly(wire.HEADER.size))
            if length > wire.MAX_PAYLOAD:
                raise UnreadableMedia("The decoder broke down.")
            return kind, await self._stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._post_mortem() from None

    async def stop(self) -> None:
        """Kill the child if it still runs, and reap it."""
        if self._process.returncode is None:
            self._process.kill()
        if self._transport is not None:
            self._transport.close()
        # Shielded: the process is reaped even if the task that stops it is itself cancelled.
        await asyncio.shield(asyncio.to_thread(self._process.wait))

    async def _post_mortem(self) -> MediaError:
        """Say why the child died without a word."""
        try:
            status = await asyncio.to_thread(self._process.wait, _EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return UnreadableMedia("The decoder broke down.")
        number = -status if status < 0 else status - _SHELL_SIGNAL
        if number == signal.SIGXCPU:
            return MediaTimeout("Decoding takes too much processor time.")
        if number == signal.SIGKILL:
            return MediaLimitExceeded("Decoding needs too much memory.")
        return UnreadableMedia("The file is damaged in a way that stops the decoder.")
