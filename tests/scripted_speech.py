"""Audio in which words are numbers, and a Transcription that hears them: a full servicer for the tests of the edge.

Audio is made of blocks of half a second whose samples all have one value; 0 is silence. A
block of value 10 * n is the word `w<n>`, so what is transcribed says which audio was heard:
a lost or doubled block is a lost or doubled word. Every tenth word ends a sentence, four
words or a silence end a segment.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from speech.v1 import audio_pb2
from speech.v1 import transcription_pb2 as pb
from speech.v1 import transcription_pb2_grpc as pb_grpc

from rpc.errors import ServiceError, Unavailable
from rpc.stream import Inbound, numbered

BLOCK_SECONDS = 0.5
BLOCK_BYTES = 16_000
SEGMENT_WORDS = 4
TRANSCRIPTION = "speech.v1.TranscriptionService"


def spoken(numbers: list[int]) -> bytes:
    """PCM in which the words of these numbers are heard; 0 is silence."""
    return b"".join(struct.pack("<h", 10 * number) * (BLOCK_BYTES // 2) for number in numbers)


def wav(pcm: bytes) -> bytes:
    """The same as a file."""
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(pcm),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        16_000,
        32_000,
        2,
        16,
        b"data",
        len(pcm),
    )
    return header + pcm


def written(number: int) -> str:
    """A word as a segment writes it."""
    return f"w{number}." if number % 10 == 0 else f"w{number}"


@dataclass
class Hearing:
    """Finds blocks in bytes that come in pieces of any size."""

    by_loudness: bool = False
    """Every loud block is the next word, for audio that went through a real microphone's path."""
    pending: bytearray = field(default_factory=bytearray)
    heard: int = 0
    loud: int = 0

    def hear(self, data: bytes) -> Iterator[tuple[float, int]]:
        self.pending += data
        while len(self.pending) >= BLOCK_BYTES:
            block = bytes(self.pending[:BLOCK_BYTES])
            del self.pending[:BLOCK_BYTES]
            # The middle of a block: a seam may lie a sample beside.
            (value,) = struct.unpack_from("<h", block, BLOCK_BYTES // 2)
            if self.by_loudness:
                samples = struct.unpack(f"<{BLOCK_BYTES // 2}h", block)
                is_loud = max(map(abs, samples)) > 1000
                self.loud += is_loud
                value = 10 * self.loud * is_loud
            yield self.heard * BLOCK_SECONDS, round(value / 10)
            self.heard += 1


@dataclass
class ScriptedTranscription(pb_grpc.TranscriptionServiceServicer):
    """Hears words; what else it does is set from outside at any time."""

    language: str = "en"
    served_by: str = "scripted"
    by_loudness: bool = False
    load: audio_pb2.Load = field(default_factory=lambda: audio_pb2.Load(stream_limit=100))
    accelerators: list[audio_pb2.Accelerator] = field(default_factory=lambda: [audio_pb2.Accelerator(kind="cpu")])
    refusal: Callable[[], ServiceError] | None = None
    """Raised instead of `ready`."""
    failure: Callable[[], ServiceError] | None = None
    """Raised at the next audio."""
    failure_after: int | None = None
    """Words after which each stream is cut off."""
    frozen: asyncio.Event | None = None
    """While set and not fired, nothing is heard."""
    configs: list[pb.TranscriptionConfig] = field(default_factory=list)
    open: int = 0
    ended: list[str] = field(default_factory=list)
    """How each stream ended: `done`, or the name of an error."""
    drain: asyncio.Event = field(default_factory=asyncio.Event)

    def register(self, server: grpc.aio.Server) -> None:
        pb_grpc.add_TranscriptionServiceServicer_to_server(self, server)

    async def Transcribe(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.TranscribeResponse]:
        self.open += 1
        try:
            async for event in numbered(self._events(Inbound(request_iterator))):
                yield event
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        else:
            self.ended.append("done")
        finally:
            self.open -= 1

    async def _events(
        self, stream: Inbound[pb.TranscriptionConfig, pb.TranscribeRequest]
    ) -> AsyncIterator[pb.TranscribeResponse]:
        config = await stream.config()
        self.configs.append(config)
        if self.refusal is not None:
            raise self.refusal()
        yield pb.TranscribeResponse(ready=pb.TranscriptionReady(model=config.model, served_by=self.served_by))
        live = config.mode == pb.TRANSCRIPTION_MODE_LIVE
        hearing = Hearing(by_loudness=self.by_loudness)
        since = config.window.span.start
        if config.plan_only:
            yield pb.TranscribeResponse(language_detected=pb.LanguageDetected(language=self.language, confidence=1))
        words: list[tuple[float, int]] = []
        told = False
        async for request in stream:
            if self.failure is not None:
                raise self.failure()
            if self.frozen is not None:
                await self.frozen.wait()
            if self.drain.is_set() and not told:
                # What came so far is still worked off; this very message is for another replica.
                told = True
                yield pb.TranscribeResponse(draining=pb.Draining(processed_seconds=hearing.heard * BLOCK_SECONDS))
            if told:
                continue
            if request.WhichOneof("payload") == "flush":
                if words:
                    yield self._segment(words)
                    words = []
                continue
            for time, number in hearing.hear(request.audio.data):
                if number:
                    words.append((since + time, number))
                if self.failure_after is not None and hearing.heard >= self.failure_after:
                    raise Unavailable("the replica is gone")
                if words and (len(words) == SEGMENT_WORDS or not number):
                    yield self._window(words) if config.plan_only else self._segment(words)
                    words = []
                    yield self._progress(hearing)
                elif live and words and config.interim_results:
                    text = " ".join(written(n) for _, n in words)
                    yield pb.TranscribeResponse(interim=pb.Interim(text=text, start=words[0][0], end=time))
        if words:
            yield self._window(words) if config.plan_only else self._segment(words)
        yield self._progress(hearing)
        usage = audio_pb2.AudioUsage(audio_seconds=hearing.heard * BLOCK_SECONDS)
        language = config.language or (self.language if hearing.heard else "")
        yield pb.TranscribeResponse(done=pb.TranscriptionDone(usage=usage, language=language, served_by=self.served_by))

    def _segment(self, words: list[tuple[float, int]]) -> pb.TranscribeResponse:
        made = [
            pb.Word(text=written(n), start=t + 0.05, end=t + 0.45, confidence=0.9, space_before=True) for t, n in words
        ]
        text = " ".join(word.text for word in made)
        segment = pb.Segment(
            text=text,
            start=words[0][0],
            end=words[-1][0] + BLOCK_SECONDS,
            words=made,
            confidence=0.9,
            language=self.language,
        )
        return pb.TranscribeResponse(segment=segment)

    @staticmethod
    def _window(words: list[tuple[float, int]]) -> pb.TranscribeResponse:
        span = audio_pb2.TimeSpan(start=words[0][0], end=words[-1][0] + BLOCK_SECONDS)
        return pb.TranscribeResponse(window=pb.PlannedWindow(span=span, speech=[span]))

    @staticmethod
    def _progress(hearing: Hearing) -> pb.TranscribeResponse:
        seconds = hearing.heard * BLOCK_SECONDS
        return pb.TranscribeResponse(progress=pb.Progress(received_seconds=seconds, processed_seconds=seconds))

    async def ListModels(self, request: Any, context: Any) -> pb.ListModelsResponse:
        row = pb.Model(id="small", name="Whisper Small", languages=99, available=True, served_by="small", loaded=True)
        return pb.ListModelsResponse(models=[row, pb.Model(id="large-v3", available=False, served_by="small")])

    async def GetRuntime(self, request: Any, context: Any) -> pb.TranscriptionServiceGetRuntimeResponse:
        return pb.TranscriptionServiceGetRuntimeResponse(accelerators=self.accelerators, load=self.load)
