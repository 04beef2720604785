"""A long recording over several replicas: one plans its windows, all decode them, segments leave in order."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import structlog

from edge.backends import Transcription
from edge.convert import Recognition
from edge.errors import ServiceUnavailable
from edge.events import Done, LanguageDetected, Planned, Progress, Ready, RecognitionEvent, shifted
from edge.reading import Reading
from edge.recording import Recording
from edge.types import BYTES_PER_SECOND, Segment
from rpc.errors import Unavailable

WINDOWS_PER_SLOT = 8
"""Windows at once on a replica for each of its slots: enough to fill its batches."""
TRIES = 8
"""Failures of one window, or of the plan between two windows, before the caller is told."""
BACKOFF_SECONDS = 0.2
"""Wait after the first failure; twice as long after each that follows."""
LONGEST_WAIT_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class Spread:
    """Where a recognition over many replicas stands. A replica that dies costs the windows it had, no more."""

    def __init__(self, service: Transcription, wanted: Recognition, recording: Recording) -> None:
        self._service = service
        self._wanted = wanted
        self._recording = recording
        self._told: asyncio.Queue[RecognitionEvent | None] = asyncio.Queue()
        self._busy: Counter[str] = Counter()
        self._freed = asyncio.Event()
        self._planned = 0.0
        """Seconds up to which windows are planned."""
        self._received = 0.0
        self._segments: dict[int, list[Segment]] = {}
        """Of windows that are decoded while an earlier one is not, by number."""
        self._ends: list[float] = []
        """Where each window ends, by number."""
        self._next = 0
        self._spoken: Counter[str] = Counter()
        """Milliseconds of speech by language."""
        self._served_by = ""

    async def events(self) -> AsyncGenerator[RecognitionEvent, None]:
        """Events with times over the whole recording, `Done` last. Raises `ServiceError`, `ServiceUnavailable`."""
        work = asyncio.create_task(self._work())
        work.add_done_callback(lambda _: self._told.put_nowait(None))
        try:
            while (event := await self._told.get()) is not None:
                yield event
            await work
        finally:
            work.cancel()
            await asyncio.wait((work,))
        spoken = self._spoken.most_common(1)
        yield Done(spoken[0][0] if spoken else "", self._served_by)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            number = 0
            async with aclosing(self._plan()) as windows:
                async for window, language in windows:
                    self._ends.append(window.end)
                    address = await self._place(())
                    group.create_task(self._decode(number, window, language=language, address=address))
                    number += 1

    async def _plan(self) -> AsyncGenerator[tuple[Planned, str], None]:
        """Windows and their language; the next replica goes on where one went away."""
        failures = 0
        while True:
            start, address = self._planned, ""
            try:
                address = await self._service.replicas.choose()
                reading = Reading(self._recording, start)
                async with aclosing(self._service.plan(address, self._wanted, reading)) as events:
                    async for event in events:
                        match moved := shifted(event, reading.start):
                            case Planned():
                                failures, self._planned = 0, moved.end
                                yield moved, self._wanted.language
                            case Done():
                                return
                            case LanguageDetected(language=language):
                                self._wanted = replace(self._wanted, language=language)
                                self._told.put_nowait(moved)
                            case Progress(received=received):
                                self._received = max(self._received, received)
                            case Ready(served_by=model) if not self._served_by:
                                self._served_by = model
                                self._told.put_nowait(moved)
            except (Unavailable, ServiceUnavailable) as error:
                failures += 1
                await self._after(failures, address, error)

    async def _decode(self, number: int, window: Planned, *, language: str, address: str) -> None:
        failed: list[str] = []
        while True:
            try:
                self._segments[number] = await self._decoded(address, window, language)
            except (Unavailable, ServiceUnavailable) as error:
                failed.append(address)
                self._release(address)
                await self._after(len(failed), address, error)
                address = await self._place(failed)
            else:
                break
        self._release(address)
        self._tell()

    async def _decoded(self, address: str, window: Planned, language: str) -> list[Segment]:
        wanted = replace(self._wanted, language=language)
        segments: list[Segment] = []
        async with aclosing(
            self._service.window(address, wanted, window, self._stretch(window.start, window.end))
        ) as events:
            async for event in events:
                if isinstance(event, Segment):
                    segments.append(event)
        return segments

    async def _stretch(self, start: float, end: float) -> AsyncIterator[bytes]:
        position, last = (2 * round(time * BYTES_PER_SECOND / 2) for time in (start, end))
        while position < last:
            data = (await self._recording.at(position))[: last - position]
            if not data:
                break
            position += len(data)
            yield data

    async def _place(self, failed: tuple[str, ...] | list[str]) -> str:
        """A replica with room for a window, which counts as its load from now on."""
        while True:
            self._freed.clear()
            seen = await self._service.replicas.look()
            if not seen:
                raise ServiceUnavailable("No transcription service is available now.", code="transcription_unavailable")
            room = {
                address: runtime
                for address, runtime in seen.items()
                if self._busy[address] < WINDOWS_PER_SLOT * max(1, runtime.slots)
            }
            room = {address: runtime for address, runtime in room.items() if address not in failed} or room
            if room:
                address = min(
                    room, key=lambda each: (self._busy[each] / max(1, room[each].slots), room[each].queue_delay)
                )
                self._busy[address] += 1
                return address
            await self._freed.wait()

    def _release(self, address: str) -> None:
        self._busy[address] -= 1
        self._freed.set()

    async def _after(self, failures: int, address: str, error: Unavailable | ServiceUnavailable) -> None:
        """Wait before the next try, or give up with the error."""
        _log.warning("window_moved", address=address, error=str(error), failures=failures)
        if failures >= TRIES:
            raise error
        self._service.replicas.suspect(address)
        await asyncio.sleep(min(LONGEST_WAIT_SECONDS, BACKOFF_SECONDS * 2 ** (failures - 1)))

    def _tell(self) -> None:
        """Pass on the segments of all windows up to the first that is not decoded."""
        while self._next in self._segments:
            for segment in self._segments.pop(self._next):
                self._spoken[segment.language] += round(1000 * (segment.end - segment.start))
                self._told.put_nowait(segment)
            processed = self._ends[self._next]
            self._received = max(self._received, processed)
            self._told.put_nowait(Progress(self._received, processed))
            self._next += 1
