"""A child process that runs a model and answers in JSON lines; see `embedded_worker`."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import structlog

from summarizer.errors import EngineFailed

_LINE_LIMIT = 1 << 24
_LOAD_SECONDS = 300.0
_RETRY_SECONDS = 5.0
# The library's threads spin while they wait for each other: on cores that others use too, that is most of their time.
_ENVIRONMENT = {"RUST_LOG": "error", "CANDLE_BARRIER_POOL_SPIN_LIMIT": "200"}

_log = structlog.get_logger(__name__)


class Child:
    """One child process and the calls that are open on it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._calls: dict[int, asyncio.Queue[dict[str, Any] | None]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._ended = False
        self.cancel_seconds = 0.0

    @classmethod
    async def start(cls, path: Path, *, threads: int, niceness: int) -> "Child":
        """Start a child and wait until the model is in memory. Raises `EngineFailed`."""
        began = time.monotonic()
        environment = {**_ENVIRONMENT, **os.environ, "HF_HUB_OFFLINE": "1"}
        if threads:
            environment |= {"RAYON_NUM_THREADS": str(threads), "CANDLE_NUM_THREADS": str(threads)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"{__package__}.embedded_worker", str(path), str(niceness)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=_LINE_LIMIT,
        )
        child = cls(process)
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            line = await asyncio.wait_for(process.stdout.readline(), _LOAD_SECONDS)
            said = json.loads(line or b'{"failed": "the process ended"}')
        except BaseException:
            await child.end()
            raise
        if "failed" in said:
            await child.end()
            raise EngineFailed(f"the model does not load: {said['failed']}", retry_after=_RETRY_SECONDS)
        child.cancel_seconds = max(0.5, time.monotonic() - began)
        child._reading = asyncio.create_task(child._read())
        _log.info("model_loaded", file=path.name, seconds=round(child.cancel_seconds, 1), process=process.pid)
        return child

    @property
    def alive(self) -> bool:
        """Whether it takes calls."""
        return not self._ended and self._reading is not None and not self._reading.done()

    @property
    def process(self) -> int:
        """Its process id."""
        return self._process.pid

    @contextlib.asynccontextmanager
    async def call(self, request: dict[str, Any]) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Send a request and give its replies; leaving the block early cancels it and waits until it is over."""
        number = next(self._numbers)
        inbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._calls[number] = inbox
        ended = asyncio.Event()
        try:
            await self._send({"id": number, **request})
            yield self._replies(inbox, ended)
        finally:
            if self.alive and not ended.is_set():
                await self._cancel(number, inbox)
            self._calls.pop(number, None)

    async def _replies(
        self, inbox: asyncio.Queue[dict[str, Any] | None], ended: asyncio.Event
    ) -> AsyncIterator[dict[str, Any]]:
        while not ended.is_set():
            reply = await inbox.get()
            if reply is None or _is_last(reply):
                ended.set()
            if reply is None:
                raise EngineFailed("the engine's process ended", retry_after=_RETRY_SECONDS)
            if "error" in reply:
                _log.warning("engine_error", reason=reply["error"])
                raise EngineFailed(f"the engine broke off: {reply['error']}", retry_after=_RETRY_SECONDS)
            yield reply

    async def _cancel(self, number: int, inbox: asyncio.Queue[dict[str, Any] | None]) -> None:
        """Stop a call: after the token that it is at, or by ending the process where that takes too long.

        A prefill is one step and cannot be broken off. Waiting for it as long as a new start would take, and no
        longer, costs at most twice what the better of the two would have.
        """
        try:
            async with asyncio.timeout(self.cancel_seconds):
                await self._send({"cancel": number})
                while (reply := await inbox.get()) is not None:
                    if _is_last(reply):
                        return
        except (TimeoutError, asyncio.CancelledError) as reason:
            _log.info("engine_ended_in_prefill", process=self.process)
            self._kill()
            if isinstance(reason, asyncio.CancelledError):
                raise

    async def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise EngineFailed("the engine's process ended", retry_after=_RETRY_SECONDS) from error

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            while line := await self._process.stdout.readline():
                reply = json.loads(line)
                if (inbox := self._calls.get(reply["id"])) is not None:
                    inbox.put_nowait(reply)
        finally:
            for inbox in self._calls.values():
                inbox.put_nowait(None)

    async def end(self) -> None:
        """End the process and everything that waits for it."""
        self._kill()
        await self._process.wait()
        if self._reading is not None:
            await self._reading
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _kill(self) -> None:
        self._ended = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


def _is_last(reply: dict[str, Any]) -> bool:
    return not reply.keys().isdisjoint(("end", "error", "counts"))
