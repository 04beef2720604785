"""One live stream: a task for what comes up, one for what goes down, one for speakers, in one scope."""

import asyncio
from contextlib import aclosing, suppress

import structlog
from aiohttp import web

from edge import errors
from edge.backends import Backends, Diarization
from edge.convert import Recognition
from edge.errors import ApiError, Refusal, ServiceUnavailable
from edge.live import messages
from edge.live.captions import Captions
from edge.live.config import LiveOptions
from edge.live.ear import IDLE_SECONDS, ClientGone, Ear, Opening
from edge.live.meter import Meter
from edge.live.ring import Ring
from edge.live.speakers import LiveSpeakers
from edge.metrics import SPEAKERS_LEFT_OUT, STREAM_SECONDS
from edge.policy import Admission
from edge.policy.errors import PolicyError
from edge.reading import Reading
from edge.resuming import Recogniser
from edge.types import BYTES_PER_SECOND
from media.resample import Resampler
from rpc.errors import ServiceError

PING_SECONDS = 20.0
READ_SECONDS = 60.0
"""How long a client may leave what it was sent unread."""
SPEAKERS_BEHIND_SECONDS = 30.0
"""How far speakers may be behind what is final."""
SPEAKERS_WAIT_SECONDS = 2.0
"""How long the end of a stream waits for the last corrections."""

_log = structlog.get_logger(__name__)


class LiveSession:
    """The state of one stream."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        backends: Backends,
        admission: Admission,
        *,
        idle_seconds: float = IDLE_SECONDS,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._ws = ws
        self._ping_seconds = ping_seconds
        self._backends = backends
        self._meter = Meter(admission)
        self._ear = Ear(ws, complain=self._complain, idle_seconds=idle_seconds)
        self._ring = Ring()
        self._close_code = 1000
        self._ended_by: Refusal | None = None
        """Why the stream ends early, after what was heard is final."""

    async def run(self, offered: LiveOptions) -> None:
        """Serve the stream to its end and close the socket, whatever happens."""
        try:
            opening = await self._ear.opening(offered)
            await self._serve(opening)
        except Exception as error:
            cause = errors.innermost(error)
            if isinstance(cause, ClientGone | ConnectionError):
                await self._meter.settle()
                return
            await self._refuse(cause)
        except asyncio.CancelledError:
            # The client vanished, or the process ends: what was heard was worked on.
            await asyncio.shield(self._meter.settle())
            raise
        finally:
            self._ear.close()

    def drain(self) -> None:
        """The process goes away: make final what was heard, and close."""
        self._close_code = 1001
        self._ring.finish()

    async def _serve(self, opening: Opening) -> None:
        options = opening.options
        diarization = self._backends.diarization if options.diarize else None
        if diarization is not None:
            self._ring.behind = SPEAKERS_BEHIND_SECONDS
        captions = Captions(
            self._send,
            dialect=opening.dialect,
            speakers=None if diarization is None else LiveSpeakers(),
        )
        await self._meter.count(0.0)
        async with asyncio.TaskGroup() as group:
            up = group.create_task(self._up(opening))
            pings = group.create_task(self._ping())
            speakers = group.create_task(self._tell_apart(diarization, options, captions)) if diarization else None
            await self._down(options, captions)
            if speakers is not None:
                await asyncio.wait({speakers}, timeout=SPEAKERS_WAIT_SECONDS)
                speakers.cancel()
                await captions.know_all()
            pings.cancel()
            up.cancel()
        await self._meter.settle()
        if self._ended_by is not None:
            await self._say_why(self._ended_by)
            return
        await captions.end(self._ring.received)
        await self._ws.close(code=self._close_code)

    async def _up(self, opening: Opening) -> None:
        options = opening.options
        resampler = Resampler(options.sample_rate, encoding=options.encoding)
        try:
            async with aclosing(self._ear.audio(opening)) as frames:
                async for data in frames:
                    await self._take(resampler.push(data))
                    if self._ring.whole:
                        break
            await self._take(resampler.flush())
        except PolicyError as error:
            # No credits, a key that was revoked, books that cannot be read: what was heard is made final and paid.
            self._ended_by = errors.refusal(error)
        self._ring.finish()
        await self._ear.closing()

    async def _ping(self) -> None:
        """Keep proxies from closing a quiet stream.

        No answer is waited for, as aiohttp's own heartbeat would: that of a client that is held back
        lies behind its audio. A client that is gone shows by its silence.
        """
        while True:
            await asyncio.sleep(self._ping_seconds)
            await self._ws.ping()

    async def _take(self, pcm: bytes) -> None:
        if pcm and not self._ring.whole:
            await self._meter.count(self._ring.received_with(pcm))
            STREAM_SECONDS.inc(len(pcm) / BYTES_PER_SECOND)
            await self._ring.append(pcm)

    async def _down(self, options: LiveOptions, captions: Captions) -> None:
        wanted = Recognition(
            options.model,
            options.language,
            live=True,
            interim=options.interim,
            hotwords=options.hotwords,
            prompt=options.prompt,
        )
        async with aclosing(Recogniser(self._backends.transcription, wanted, self._ring).events()) as events:
            async for event in events:
                await captions.hear(event)

    async def _tell_apart(self, service: Diarization, options: LiveOptions, captions: Captions) -> None:
        """Speakers are an extra: text goes on without them."""
        try:
            turns = service.stream(Reading(self._ring, 0.0), live=True, speakers=options.speakers)
            async with aclosing(turns) as events:
                async for event in events:
                    await captions.know(event)
        except (ServiceError, ServiceUnavailable) as error:
            SPEAKERS_LEFT_OUT.inc()
            _log.warning("speakers_left_out", error=type(error).__name__)
            await captions.without_speakers()

    async def _complain(self, error: ApiError) -> None:
        """An error that the stream survives."""
        refused = errors.refusal(error)
        if refused is not None:
            await self._send(messages.refused(refused))

    async def _send(self, text: str) -> None:
        """Send a message. Raises `ClientGone` if the client has not read for too long."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._ws.send_str(text)
        except TimeoutError:
            raise ClientGone from None

    async def _refuse(self, error: BaseException) -> None:
        refused = errors.refusal(error)
        if refused is None:
            _log.error("stream_failed", exc_info=error)
            refused = Refusal(500, "internal", "The server failed. Its log has the details under this request_id.")
        await self._say_why(refused)

    async def _say_why(self, refused: Refusal) -> None:
        with suppress(ConnectionError):
            await self._ws.send_str(messages.refused(refused))
        await self._ws.close(code=messages.close_code(refused), message=refused.code.encode())
