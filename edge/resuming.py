"""One recognition over as many replicas as it takes: what is not final when one goes away is sent to the next."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from edge.backends import Transcription
from edge.convert import Recognition
from edge.errors import ServiceUnavailable
from edge.events import Done, Draining, Progress, Ready, RecognitionEvent, shifted
from edge.metrics import MOVES
from edge.reading import AudioGone, Reading, Source
from edge.types import Segment
from rpc.errors import Unavailable

TRIES = 6
"""Replicas that may fail in a row, none of them making anything final, before the caller is told."""
BACKOFF_SECONDS = 0.1
"""Wait after the first failure; twice as long after each that follows."""

_log = structlog.get_logger(__name__)


class Recogniser:
    """Where a recognition stands: what is final, what failed, and who is at work."""

    def __init__(self, service: Transcription, wanted: Recognition, audio: Source) -> None:
        self._service = service
        self._wanted = wanted
        self._audio = audio
        self._final = 0.0
        self._failed: list[str] = []
        self._slow: list[str] = []
        """Replicas that could not keep up: none is asked again, or the stream would be silently late."""
        self._refusal: Unavailable | ServiceUnavailable | None = None
        self._spoken: Counter[str] = Counter()
        """Milliseconds of speech by language."""

    async def events(self) -> AsyncGenerator[RecognitionEvent, None]:
        """Events with times over the whole audio, `Done` last and once; `Ready` comes again with every replica.

        Segments come once: a replica that dies, freezes or drains is replaced by another, which
        gets the audio from where all is final. Raises `ServiceError`, `ServiceUnavailable`.
        """
        parts = 0
        while True:
            address = ""
            try:
                address = await self._service.replicas.choose(
                    avoid=[*self._failed, *self._slow], live=self._wanted.live
                )
                if address in self._slow and self._refusal is not None:
                    raise self._refusal
                async with aclosing(self._part(address)) as part:
                    async for event in part:
                        if isinstance(event, Ready):
                            parts += 1
                        elif isinstance(event, Done):
                            yield self._whole(event) if parts > 1 else event
                            return
                        yield event
                await self._again(address, ServiceUnavailable("The service is going away."), begun=True)
            except (Unavailable, ServiceUnavailable) as error:
                if isinstance(error, AudioGone) or address in self._slow:
                    raise
                if isinstance(error, Unavailable) and error.reason == "lagging":
                    self._slow.append(address)
                await self._again(address, error, begun=parts > 0)

    async def _part(self, address: str) -> AsyncGenerator[RecognitionEvent, None]:
        """What one replica makes of the audio; ends without `Done` when it hands over."""
        reading = Reading(self._audio, self._final)
        handover: float | None = None
        async with aclosing(self._service.stream(address, self._wanted, reading)) as events:
            async for event in events:
                moved = shifted(event, reading.start)
                match moved:
                    case Draining(processed=time):
                        handover = time
                        reading.stop()
                        continue
                    case Done() if handover is not None:
                        self._settle(handover)
                        return
                    case Segment(start=start, end=end, language=language):
                        self._spoken[language] += round(1000 * (end - start))
                        self._settle(end)
                    case Progress(processed=time):
                        self._settle(time)
                yield moved

    def _settle(self, time: float) -> None:
        if time > self._final:
            self._final = time
            self._failed.clear()
            self._audio.keep_from(time)

    async def _again(self, address: str, error: Unavailable | ServiceUnavailable, *, begun: bool) -> None:
        """Wait a little before the next try, or give up with the error.

        Before anything began, each replica is asked once: what it says is the caller's to know.
        """
        if not begun and (not address or address in self._failed):
            raise self._refusal or error
        self._refusal = self._refusal or error
        self._failed.append(address)
        self._service.replicas.suspect(address)
        MOVES.inc()
        _log.warning("recognition_moved", address=address, error=str(error), final=self._final, tries=len(self._failed))
        if len(self._failed) >= TRIES:
            raise error
        if begun:
            await asyncio.sleep(BACKOFF_SECONDS * 2 ** (len(self._failed) - 1))

    def _whole(self, done: Done) -> Done:
        """The end of a recognition in parts: its language is that of most of the speech."""
        if not self._spoken:
            return done
        return Done(self._spoken.most_common(1)[0][0], done.served_by)
