"""The decoder: a file in, samples out, with the work and the risk in a child process."""

import asyncio
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from media import wire
from media.errors import EmptyMedia, MediaLimitExceeded, MediaTimeout, MediaTooLong, UnreadableMedia, by_reason
from media.limits import Limits
from media.process import Child
from media.report import Probe, Report
from media.sandbox import Sandbox, best

_log = structlog.get_logger(__name__)

BROKEN = "The decoder broke down."
"""Message of an end that is the fault of the child, not of the file."""


def decode(
    source: int | Path, *, limits: Limits | None = None, sample_rate: int = 16_000, sandbox: Sandbox | None = None
) -> "Decoder":
    """Open a recording; the answer is entered with `async with` and gives chunks by `async for`.

    `source` is a path, or the descriptor of a regular file, which is read from its start at positions of its own and
    stays open. Chunks are s16le mono at `sample_rate`. `decoder.probe` is there once it is entered, `decoder.report`
    once it is exhausted. Entering and iterating raise MediaError. A slow consumer holds the child back.
    """
    return Decoder(source, limits=limits or Limits(), sample_rate=sample_rate, sandbox=sandbox)


async def probe(source: int | Path, *, limits: Limits | None = None, sandbox: Sandbox | None = None) -> Probe:
    """Return what the container claims, without decoding it. Raises MediaError."""
    decoder = Decoder(source, limits=limits or Limits(), sample_rate=16_000, sandbox=sandbox, probe_only=True)
    async with decoder:
        return decoder.probe


class Decoder:
    """One decoding; see `decode`."""

    def __init__(
        self, source: int | Path, *, limits: Limits, sample_rate: int, sandbox: Sandbox | None, probe_only: bool = False
    ) -> None:
        self._source = source
        self._limits = limits
        self._sample_rate = sample_rate
        self._sandbox = sandbox
        self._probe_only = probe_only
        self._child: Child | None = None
        self._waited = 0.0
        self._bytes = 0
        self._probe: Probe | None = None
        self._report: Report | None = None

    @property
    def probe(self) -> Probe:
        """What the container claims."""
        if self._probe is None:
            raise RuntimeError("the decoder has not been entered")
        return self._probe

    @property
    def report(self) -> Report:
        """What came of the decoding."""
        if self._report is None:
            raise RuntimeError("the decoder has not been exhausted")
        return self._report

    async def __aenter__(self) -> Self:
        """Start the child and wait until it knows what the file is."""
        sandbox = await asyncio.to_thread(best) if self._sandbox is None else self._sandbox
        settings = {"limits": asdict(self._limits), "sample_rate": self._sample_rate, "probe_only": self._probe_only}
        with _opened(self._source) as descriptor:
            _check(descriptor, self._limits)
            self._child = await Child.start(json.dumps(settings), stdin=descriptor, sandbox=sandbox)
        try:
            self._probe = _as_probe(*await self._frame(self._child))
        except BaseException:
            await self._child.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the child, wherever it is."""
        if self._child is not None:
            await self._child.stop()

    def __aiter__(self) -> Self:
        """Iterate over chunks of samples."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk of samples. Raises MediaError."""
        if self._report is not None or self._child is None:
            raise StopAsyncIteration
        kind, payload = await self._frame(self._child)
        if kind == wire.END:
            self._report = self._finish(truncated=bool(_parse(payload).get("truncated")))
            raise StopAsyncIteration
        if kind != wire.PCM or len(payload) % 2:
            raise UnreadableMedia(BROKEN)
        self._bytes += len(payload)
        # The child checks this itself; a child that was taken over does not.
        if self._bytes > 2 * self._sample_rate * self._limits.seconds:
            raise MediaTooLong(f"The recording is longer than {self._limits.seconds / 60:g} minutes.")
        return payload

    async def _frame(self, child: Child) -> tuple[bytes, bytes]:
        """Return the next frame; raise the error that a frame carries. Only waiting for the child counts as time."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.wall_seconds - self._waited):
                kind, payload = await child.frame()
        except TimeoutError:
            raise MediaTimeout("Decoding takes too long.") from None
        finally:
            self._waited += time.monotonic() - begun
        if kind == wire.ERROR:
            said = _parse(payload)
            raise by_reason(str(said.get("reason")), str(said.get("message")))
        if kind == wire.FAULT:
            _log.error("media_child_fault", error=str(_parse(payload).get("error")))
            raise UnreadableMedia(BROKEN)
        return kind, payload

    def _finish(self, *, truncated: bool) -> Report:
        claims = self.probe
        return Report(
            duration=self._bytes / 2 / self._sample_rate,
            container_seconds=claims.container_seconds,
            truncated=truncated,
            format=claims.format,
            codec=claims.codec,
            channels=claims.channels,
            sample_rate=claims.sample_rate,
        )


@contextmanager
def _opened(source: int | Path) -> Iterator[int]:
    """Give the descriptor of the source; one that was opened here is closed here."""
    if isinstance(source, int):
        yield source
        return
    try:
        # Non-blocking, so that a named pipe is refused rather than waited for.
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise UnreadableMedia(f"The file cannot be opened: {error.strerror}.") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _check(descriptor: int, limits: Limits) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableMedia("Not a regular file.")
    if status.st_size == 0:
        raise EmptyMedia("The file is empty.")
    if status.st_size > limits.bytes:
        raise MediaLimitExceeded(f"The file has {status.st_size} bytes; {limits.bytes} are allowed.")


def _parse(payload: bytes) -> dict[str, Any]:
    try:
        values = json.loads(payload)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise UnreadableMedia(BROKEN)
    return values


def _as_probe(kind: bytes, payload: bytes) -> Probe:
    values = _parse(payload) if kind == wire.PROBE else {}
    try:
        seconds = values["container_seconds"]
        return Probe(
            container_seconds=None if seconds is None else float(seconds),
            format=str(values["format"]),
            codec=str(values["codec"]),
            channels=int(values["channels"]),
            sample_rate=int(values["sample_rate"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableMedia(BROKEN) from error
