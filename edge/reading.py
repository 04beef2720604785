"""One reader of audio that is still coming in; it may be told to stop where it is."""

from typing import Protocol

from edge.changes import Changes
from edge.errors import ServiceUnavailable
from edge.types import BYTES_PER_SECOND


class AudioGone(ServiceUnavailable):
    """Audio that is asked for is no longer kept: somebody is too far behind."""

    code = "lagging"


class Source(Protocol):
    """Audio that grows."""

    changes: Changes
    """Notified at every change."""
    whole: bool
    """Whether no more audio comes."""

    async def at(self, position: int) -> bytes:
        """Some bytes from `position` on; at once nothing if none are there. Raises `AudioGone`."""

    def keep_from(self, time: float) -> None:
        """What lies before is final and need not be kept."""


class Reading:
    """Samples from a time on, as they come; ends once the audio is whole, or at `stop`."""

    def __init__(self, source: Source, start: float) -> None:
        self._source = source
        self._position = 2 * round(start * BYTES_PER_SECOND / 2)
        self.start = self._position / BYTES_PER_SECOND
        """Time of the first sample, which `start` is rounded to."""
        self._stopped = False

    def __aiter__(self) -> "Reading":
        return self

    async def __anext__(self) -> bytes:
        while not self._stopped:
            data = await self._source.at(self._position)
            if data:
                self._position += len(data)
                return data
            if self._source.whole:
                break
            await self._source.changes.wait()
        raise StopAsyncIteration

    def stop(self) -> None:
        """Give nothing more."""
        self._stopped = True
        self._source.changes.notify()
