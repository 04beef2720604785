"""What goes down to a client: events of the services as messages, finals once, the tail as partial."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from edge import transcript
from edge.events import DiarizationEvent, Done, LanguageDetected, Ready, RecognitionEvent, SpeechEnded, SpeechStarted
from edge.live import messages
from edge.live.ear import Dialect
from edge.live.speakers import LiveSpeakers
from edge.types import Interim, Segment
from rpc import telemetry

Send = Callable[[str], Awaitable[None]]


class Captions:
    """The state of what the client has seen."""

    def __init__(self, send: Send, *, dialect: Dialect, speakers: LiveSpeakers | None) -> None:
        self._send = send
        self._dialect = dialect
        self._speakers = speakers
        self._partial = ""
        self._finals: list[Segment] = []
        """Without words: the vendor's SDK gets the whole text at the end."""
        self._clock = 0.0
        self._model = ""
        self._language = ""

    async def hear(self, event: RecognitionEvent) -> None:
        """Tell the client what a recognition says."""
        match event:
            case Ready(served_by=model):
                # A replica that takes over is ready too; the client has been told.
                if not self._model:
                    await self._send(messages.ready(model, telemetry.request_id.get()))
                self._model = model
            case Segment():
                await self._final(event)
            case Interim(text=text, start=start, end=end):
                if text != self._partial:
                    self._partial = text
                    await self._send(messages.partial(text, start=start, end=end))
            case SpeechStarted(time=time):
                await self._send(messages.message(partial=self._partial, speech="started", time=round(time, 3)))
            case SpeechEnded(time=time):
                await self._send(messages.message(partial=self._partial, speech="ended", time=round(time, 3)))
            case LanguageDetected(language=language):
                await self._send(messages.message(partial=self._partial, language=language))
            case Done(language=language, served_by=model):
                self._language = language
                self._model = model or self._model
            case _:
                pass

    async def know(self, event: DiarizationEvent) -> None:
        """Learn about speakers; tell the client what was said wrong."""
        if self._speakers is not None:
            await self._correct(self._speakers.take(event))

    async def know_all(self) -> None:
        """All speakers are known: the last corrections."""
        if self._speakers is not None:
            await self._correct(self._speakers.finish())

    async def without_speakers(self) -> None:
        """Speakers cannot be told apart any more."""
        await self._send(messages.message(partial=self._partial, diarization="unavailable"))

    async def end(self, duration: float) -> None:
        """The last message."""
        extras: dict[str, Any] = {"duration": round(duration, 3), "language": self._language, "model": self._model}
        if self._dialect == "sdk":
            whole = transcript.join_segments(self._finals)
            await self._send(messages.message(text=whole, is_final=True, final=True, **extras))
        else:
            await self._send(messages.message(is_final=True, **extras))

    async def _final(self, segment: Segment) -> None:
        [ordered] = transcript.in_order([segment], float("inf"), since=self._clock)
        self._clock = max(self._clock, ordered.words[-1].start if ordered.words else ordered.start)
        self._partial = ""
        pieces = [ordered] if self._speakers is None else self._speakers.label(ordered)
        for piece in pieces:
            if self._dialect == "sdk":
                self._finals.append(replace(piece, words=()))
            await self._send(messages.final(piece))

    async def _correct(self, segments: list[Segment]) -> None:
        if segments:
            await self._send(messages.corrections(segments, self._partial))
