"""The audio of a live stream that is not final yet: kept so that another replica can take over, and bounded."""

from edge.changes import Changes
from edge.reading import AudioGone
from edge.types import BYTES_PER_SECOND

UNSENT_SECONDS = 4.0
"""Audio that no service has taken yet at which the client is no longer read."""
KEPT_SECONDS = 120.0
"""Audio that may be without a final before the stream is given up."""
CHUNK_BYTES = 64 * 1024


class Ring:
    """Signed 16-bit mono samples, 16,000 a second."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.whole = False
        self.behind = 0.0
        """Seconds kept before what is final, for a slower reader."""
        self._audio = bytearray()
        self._begin = 0
        """Position of the first byte that is kept."""
        self._sent = 0

    @property
    def received(self) -> float:
        """Seconds of audio so far."""
        return (self._begin + len(self._audio)) / BYTES_PER_SECOND

    @property
    def unsent(self) -> float:
        """Seconds that the fastest reader has not taken yet."""
        return self.received - self._sent / BYTES_PER_SECOND

    def received_with(self, pcm: bytes) -> float:
        """What `received` will be with the next samples."""
        return self.received + len(pcm) / BYTES_PER_SECOND

    async def append(self, pcm: bytes) -> None:
        """Take the next samples; waits while the reader is behind."""
        self._audio += pcm
        surplus = len(self._audio) - round(KEPT_SECONDS * BYTES_PER_SECOND)
        if surplus > 0:
            self._drop(surplus + surplus % 2)
        self.changes.notify()
        while self.unsent > UNSENT_SECONDS:
            await self.changes.wait()

    def finish(self) -> None:
        """No more audio comes."""
        self.whole = True
        self.changes.notify()

    async def at(self, position: int) -> bytes:
        """Some bytes from `position` on; at once nothing if none are there. Raises `AudioGone`."""
        start = position - self._begin
        if start < 0:
            raise AudioGone("The service cannot keep up with the stream.")
        data = bytes(self._audio[start : start + CHUNK_BYTES])
        if position + len(data) > self._sent:
            self._sent = position + len(data)
            self.changes.notify()
        return data

    def keep_from(self, time: float) -> None:
        """What lies before is final: all but the last of it can go."""
        keep = 2 * int((time - self.behind) * BYTES_PER_SECOND / 2)
        if keep > self._begin:
            self._drop(min(keep - self._begin, len(self._audio)))

    def _drop(self, size: int) -> None:
        del self._audio[:size]
        self._begin += size
