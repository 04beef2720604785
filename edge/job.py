"""A file's way: decoded once, heard by both services side by side, words and turns joined to a transcript."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path

import structlog

from edge import transcript
from edge.backends import Backends, Diarization
from edge.convert import Recognition
from edge.errors import ServiceUnavailable
from edge.events import Done, Merged, Progress, Ready, RecognitionEvent
from edge.metrics import FILE_SECONDS, SPEAKERS_LEFT_OUT
from edge.options import Options
from edge.policy import Admission
from edge.reading import Reading
from edge.recording import Recording, open_recording
from edge.resuming import Recogniser
from edge.room import Place
from edge.spreading import Spread
from edge.threads import in_thread
from edge.types import BYTES_PER_SECOND, DiarizationState, Segment, Transcript, Turn
from media import Decoder, Limits, decode
from rpc.errors import Overloaded, ServiceError, Unavailable

ROOM_WAIT_SECONDS = 2.0
"""Longest wait between two tries to find room."""

_log = structlog.get_logger(__name__)

Listener = Callable[[Segment | Progress | Ready], Awaitable[None]]
"""Told of the work while it goes on."""


class SpeakersUnavailable(ServiceUnavailable):
    """Speakers were asked for and cannot be told apart now."""

    code = "diarization_unavailable"


@dataclass(frozen=True, slots=True)
class Terms:
    """How recordings are worked off."""

    folder: Path
    limits: Limits
    decoders: asyncio.Semaphore
    """Places for children that decode."""
    diarize_fallback: bool = True
    room_seconds: float = 300.0
    """Longest wait for room at the services, once a body has come."""
    """Whether a transcript without speakers is better than none, where the caller did not insist."""
    spread_seconds: float = 60.0
    """Length from which a recording is decoded by all replicas together."""
    speakers_wait_seconds: float = 60.0
    """How long a transcript waits for its speakers, plus half the recording's length."""


@dataclass(slots=True)
class _Words:
    segments: list[Segment]
    language: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class _Audio:
    duration: float
    truncated: bool


class Job:
    """One recording."""

    def __init__(
        self, backends: Backends, terms: Terms, *, options: Options, admission: Admission, place: Place
    ) -> None:
        self._backends = backends
        self._terms = terms
        self._options = options
        self._admission = admission
        self._place = place

    async def run(self, source: int, listener: Listener) -> Transcript:
        """Transcribe the file behind a descriptor.

        Raises `MediaError`, `ServiceError`, `ApiError`, `PaymentRequired`, alone or in groups.
        """
        async with AsyncExitStack() as decoding:
            await decoding.enter_async_context(self._terms.decoders)
            decoder = await decoding.enter_async_context(decode(source, limits=self._terms.limits))
            estimate = decoder.probe.container_seconds or 0.0
            await self._admission.hold(estimate)
            self._place.seconds = estimate or None
            async with open_recording(self._terms.folder) as recording, asyncio.TaskGroup() as group:
                audio = group.create_task(self._decode(decoder, decoding, recording, held=estimate))
                turns = group.create_task(self._turns(recording)) if self._diarizes else None
                words = await self._words(recording, listener, expected=estimate)
                decoded = await audio
                self._place.seconds = self._place.done = decoded.duration
                found = await self._await_turns(turns, decoded.duration)
        FILE_SECONDS.inc(decoded.duration)
        # Some hours of words take longer than an event loop should be held.
        return await in_thread(self._join, words, decoded, found)

    @property
    def _diarizes(self) -> bool:
        return self._options.diarize and self._backends.diarization is not None

    async def _decode(self, decoder: Decoder, decoding: AsyncExitStack, recording: Recording, *, held: float) -> _Audio:
        """Write the samples as they are decoded; the child ends and its place is free when there are no more."""
        async for pcm in decoder:
            seconds = recording.seconds + len(pcm) / BYTES_PER_SECOND
            if seconds > held:
                held = beyond(seconds)
                await self._admission.hold(held)
            await recording.append(pcm)
        recording.finish()
        await decoding.aclose()
        return _Audio(decoder.report.duration, decoder.report.truncated)

    async def _words(self, recording: Recording, listener: Listener, *, expected: float) -> _Words:
        wanted = Recognition(
            self._options.model,
            self._options.language,
            hotwords=self._options.hotwords,
            prompt=self._options.prompt,
            expected=expected,
        )
        words = _Words([])
        async with aclosing(self._events(wanted, recording)) as events:
            async for event in events:
                match event:
                    case Segment():
                        words.segments.append(event)
                        await listener(event)
                    case Ready():
                        await listener(event)
                    case Progress(processed=time_done):
                        self._place.done = max(self._place.done, time_done)
                        await listener(event)
                    case Done(language=language, served_by=model):
                        words.language, words.model = language, model
        return words

    async def _events(self, wanted: Recognition, recording: Recording) -> AsyncGenerator[RecognitionEvent, None]:
        """What is recognised. The body has come, so that a service without room is asked again for a while."""
        until = time.monotonic() + self._terms.room_seconds
        begun = False
        while True:
            try:
                async with aclosing((await self._recogniser(wanted, recording)).events()) as events:
                    async for event in events:
                        begun = True
                        yield event
            except Unavailable as error:
                if begun or error.reason != Overloaded.reason or time.monotonic() > until:
                    raise
                await asyncio.sleep(min(error.retry_after or ROOM_WAIT_SECONDS, ROOM_WAIT_SECONDS))
            else:
                return

    async def _recogniser(self, wanted: Recognition, recording: Recording) -> Recogniser | Spread:
        service = self._backends.transcription
        if wanted.expected >= self._terms.spread_seconds and len(await service.replicas.look()) > 1:
            return Spread(service, wanted, recording)
        return Recogniser(service, wanted, recording)

    async def _turns(self, recording: Recording) -> list[Turn] | None:
        """Turns by the numbers of the service; None if there are none to be had and the transcript goes without."""
        try:
            return await speakers_of(self._backends.diarization, recording, self._options.speakers)
        except (ServiceError, ServiceUnavailable) as error:
            self._insist(error)
            return None

    async def _await_turns(self, turns: asyncio.Task[list[Turn] | None] | None, duration: float) -> list[Turn] | None:
        if turns is None:
            return None
        try:
            async with asyncio.timeout(self._terms.speakers_wait_seconds + duration / 2):
                return await turns
        except TimeoutError as error:
            self._insist(error)
            return None

    def _insist(self, error: Exception) -> None:
        """Refuse where no transcript is better than one without speakers."""
        if self._options.diarize_insisted or not self._terms.diarize_fallback:
            raise SpeakersUnavailable("Speakers cannot be told apart now. Try again, or send diarize=false.") from error
        SPEAKERS_LEFT_OUT.inc()
        _log.warning("speakers_left_out", error=type(error).__name__)

    def _join(self, words: _Words, audio: _Audio, turns: list[Turn] | None) -> Transcript:
        segments = transcript.in_order(words.segments, audio.duration)
        state: DiarizationState = "off"
        if self._diarizes:
            state = "unavailable" if turns is None else "done"
        if turns == [] and segments:
            # Somebody spoke, too little for the diarizer to hear.
            turns = [Turn(segments[0].start, segments[-1].end, 1)]
        segments = transcript.attribute(segments, turns or ())
        segments, numbered = transcript.number_speakers(segments, turns or ())
        return Transcript(
            tuple(segments),
            words.language,
            audio.duration,
            words.model or self._options.model,
            state,
            tuple(numbered),
            audio.truncated,
        )


def beyond(seconds: float) -> float:
    """What to hold when a recording is longer than was held for: a little more, but into no further credit."""
    whole_minutes = math.ceil(seconds / 60) * 60.0
    return min(whole_minutes, seconds + max(2.0, seconds / 50))


async def speakers_of(service: Diarization | None, recording: Recording, speakers: int) -> list[Turn]:
    """All turns of a recording, merged numbers followed. Raises `ServiceError`, `ServiceUnavailable`."""
    if service is None:
        return []
    turns: list[Turn] = []
    async with aclosing(service.stream(Reading(recording, 0.0), live=False, speakers=speakers)) as events:
        async for event in events:
            match event:
                case Turn():
                    turns.append(event)
                case Merged(gone=gone, into=into):
                    turns = [Turn(t.start, t.end, into, t.overlapped) if t.speaker == gone else t for t in turns]
    return turns
