"""The intake of a stream: its requests become samples at 16 kHz, whatever form the audio has."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

import numpy as np

import media
from inference.types import SAMPLE_RATE, Pcm
from media.resample import Resampler
from rpc.errors import InvalidArgument, ResourceExhausted

CHUNK_BYTES = 262_144
"""Most bytes of one chunk."""


class AudioGap(InvalidArgument):
    """A chunk does not continue the last one."""

    reason = "audio_gap"


class ChunkTooLarge(InvalidArgument):
    """A chunk is larger than the contract allows."""

    reason = "chunk_too_large"


class ContainerTooLarge(ResourceExhausted):
    """A container has more bytes than the server spools."""

    reason = "file_too_large"


class BadMedia(InvalidArgument):
    """A container cannot be decoded; the slug is that of the media error."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Encoding(Enum):
    """The form of the bytes."""

    PCM = "pcm_s16le"
    MULAW = "mulaw"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True)
class AudioForm:
    """What the bytes of a stream are."""

    encoding: Encoding = Encoding.PCM
    sample_rate: int = 16_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the stream's bytes."""

    data: bytes
    offset: int | None = None
    """Where it starts, in bytes; None: not checked."""


class Flush:
    """What was said so far is to be made final."""


Request: TypeAlias = Chunk | Flush
Intaken: TypeAlias = Pcm | Flush


class Intake(Protocol):
    """Turns the requests of one stream into samples."""

    truncated: bool
    """Whether a container ended before its header said it would."""

    def read(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Intaken, None]:
        """Pass samples and flushes on; ends when the audio does."""
        ...


class Intakes:
    """Makes the intake of a stream."""

    def __init__(self, *, container_bytes: int, longest: float, threads: Executor) -> None:
        self._container_bytes = container_bytes
        self._longest = longest
        self._threads = threads

    def open(self, form: AudioForm) -> Intake:
        """Return the intake for a form of audio."""
        if form.encoding is Encoding.CONTAINER:
            return ContainerIntake(limit=self._container_bytes, longest=self._longest, threads=self._threads)
        return SampleIntake(form)


class SampleIntake:
    """Bare samples: every chunk is heard as it comes, odd bytes wait for the next."""

    def __init__(self, form: AudioForm) -> None:
        self.truncated = False
        self._form = form

    async def read(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Intaken, None]:
        """Pass samples and flushes on; ends when the audio does."""
        resampler = self._resampler()
        rest, received = b"", 0
        async for request in requests:
            if isinstance(request, Flush):
                yield request
                continue
            received = _continue(received, request)
            data = rest + (resampler.push(request.data) if resampler else request.data)
            whole = len(data) & ~1
            rest = data[whole:]
            if whole:
                yield np.frombuffer(data, np.int16, whole // 2)
        if resampler and (tail := resampler.flush()):
            yield np.frombuffer(tail, np.int16)

    def _resampler(self) -> Resampler | None:
        if self._form.encoding is Encoding.PCM and self._form.sample_rate == SAMPLE_RATE:
            return None
        return Resampler(self._form.sample_rate, encoding=self._form.encoding.value)


class ContainerIntake:
    """A whole file: spooled to a file without a name, decoded once it is complete."""

    def __init__(self, *, limit: int, longest: float, threads: Executor) -> None:
        self.truncated = False
        self._limit = limit
        self._longest = longest
        self._threads = threads

    async def read(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Intaken, None]:
        """Pass samples on; ends when the audio does. Raises BadMedia for what cannot be decoded."""
        loop = asyncio.get_running_loop()
        limits = media.Limits(seconds=self._longest, bytes=self._limit)
        with tempfile.TemporaryFile(buffering=0) as spool:
            received = 0
            async for request in requests:
                if isinstance(request, Flush):
                    continue  # nothing was heard yet that could be made final
                received = _continue(received, request)
                if received > self._limit:
                    message = f"the file is larger than {self._limit} bytes"
                    raise ContainerTooLarge(message, limit_bytes=str(self._limit))
                await loop.run_in_executor(self._threads, spool.write, request.data)
            try:
                async with media.decode(spool.fileno(), limits=limits) as decoder:
                    async for data in decoder:
                        yield np.frombuffer(data, np.int16)
                self.truncated = decoder.report.truncated
            except media.MediaError as error:
                raise BadMedia(error.reason, str(error)) from error


def _continue(received: int, chunk: Chunk) -> int:
    if len(chunk.data) > CHUNK_BYTES:
        raise ChunkTooLarge(f"a chunk has at most {CHUNK_BYTES} bytes")
    if chunk.offset is not None and chunk.offset != received:
        raise AudioGap(f"a chunk starts at byte {chunk.offset}, expected {received}", expected=str(received))
    return received + len(chunk.data)
