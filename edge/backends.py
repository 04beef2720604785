"""The three services behind their stubs: the only place of the edge that speaks gRPC."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import TypeVar

import grpc.aio
from speech.v1 import (
    audio_pb2,
    diarization_pb2,
    diarization_pb2_grpc,
    summarization_pb2,
    summarization_pb2_grpc,
    transcription_pb2,
    transcription_pb2_grpc,
)

from edge import convert
from edge.catalogue import Model
from edge.convert import Recognition, Runtime
from edge.events import DiarizationEvent, Planned, RecognitionEvent
from edge.replicas import Replicas
from edge.summaries import Delta, Summary, SummaryEvent
from rpc.client import Channels, metadata, service_errors
from rpc.errors import ServiceError, Unavailable
from rpc.settings import ChannelSettings

UNARY_SECONDS = 5.0
PIECE_CHARACTERS = 60_000
"""Characters of a transcript's piece: at most 240,000 bytes of the 262,144 that one message takes."""

Response = TypeVar("Response")
Request = TypeVar("Request")
AudioRequest = TypeVar("AudioRequest", transcription_pb2.TranscribeRequest, diarization_pb2.DiarizeRequest)


class CutOff(Unavailable):
    """A stream ended before its last event: the replica died or was stopped."""

    reason = "service_lost"


class Transcription:
    """Audio in, words out."""

    def __init__(self, channels: Channels) -> None:
        self.replicas = Replicas("speech.v1.TranscriptionService", channels, name="transcription", ask=self._runtime)

    async def stream(
        self, address: str, wanted: Recognition, audio: AsyncIterator[bytes]
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """Events of one stream on one replica, until the last. Raises `ServiceError`."""
        async with aclosing(self._events(address, convert.recognition_config(wanted), audio)) as events:
            async for event in events:
                yield event

    async def plan(
        self, address: str, wanted: Recognition, audio: AsyncIterator[bytes]
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """Windows of a recording, cut by one replica that decodes none. Raises `ServiceError`."""
        async with aclosing(self._events(address, convert.plan_config(wanted), audio)) as events:
            async for event in events:
                yield event

    async def window(
        self, address: str, wanted: Recognition, window: Planned, audio: AsyncIterator[bytes]
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """Events of one planned window, whose audio this is. Raises `ServiceError`."""
        async with aclosing(self._events(address, convert.window_config(wanted, window), audio)) as events:
            async for event in events:
                yield event

    async def _events(
        self, address: str, first: transcription_pb2.TranscriptionConfig, audio: AsyncIterator[bytes]
    ) -> AsyncGenerator[RecognitionEvent, None]:
        stub = transcription_pb2_grpc.TranscriptionServiceStub(self.replicas.channel(address))
        config = transcription_pb2.TranscribeRequest(config=first)
        failures: list[Exception] = []
        call = stub.Transcribe(_audio_requests(config, audio, failures), metadata=metadata())
        async for response in _responses(call, failures):
            event = convert.recognition_event(response)
            if event is not None:
                yield event

    async def models(self) -> list[Model]:
        """The service's catalogue. Raises `ServiceError`, `ServiceUnavailable`."""
        stub = transcription_pb2_grpc.TranscriptionServiceStub(self.replicas.channel(await self.replicas.choose()))
        with service_errors():
            answer = await stub.ListModels(
                transcription_pb2.ListModelsRequest(), timeout=UNARY_SECONDS, metadata=metadata()
            )
        return [convert.model(row) for row in answer.models]

    @staticmethod
    async def _runtime(channel: grpc.aio.Channel) -> Runtime:
        stub = transcription_pb2_grpc.TranscriptionServiceStub(channel)
        return convert.runtime(await stub.GetRuntime(transcription_pb2.TranscriptionServiceGetRuntimeRequest()))


class Diarization:
    """Audio in, who spoke when out."""

    def __init__(self, channels: Channels) -> None:
        self.replicas = Replicas("speech.v1.DiarizationService", channels, name="diarization", ask=self._runtime)

    async def stream(
        self, audio: AsyncIterator[bytes], *, live: bool, speakers: int
    ) -> AsyncGenerator[DiarizationEvent, None]:
        """Events of one stream, until the last. Raises `ServiceError`, `ServiceUnavailable`."""
        address = await self.replicas.choose()
        stub = diarization_pb2_grpc.DiarizationServiceStub(self.replicas.channel(address))
        config = diarization_pb2.DiarizeRequest(config=convert.diarization_config(live=live, speakers=speakers))
        failures: list[Exception] = []
        call = stub.Diarize(_audio_requests(config, audio, failures), metadata=metadata())
        async for response in _responses(call, failures):
            event = convert.diarization_event(response)
            if event is not None:
                yield event

    @staticmethod
    async def _runtime(channel: grpc.aio.Channel) -> Runtime:
        stub = diarization_pb2_grpc.DiarizationServiceStub(channel)
        return convert.runtime(await stub.GetRuntime(diarization_pb2.DiarizationServiceGetRuntimeRequest()))


class Summarization:
    """Transcript in, summary out."""

    def __init__(self, channels: Channels) -> None:
        self.replicas = Replicas("speech.v1.SummarizationService", channels, name="summarization", ask=self._runtime)

    async def stream(self, text: str, *, style: str, language: str, deltas: bool) -> AsyncGenerator[SummaryEvent, None]:
        """The preview as it is written, if asked for, and the summary. Raises `ServiceError`, `ServiceUnavailable`."""
        address = await self.replicas.choose()
        stub = summarization_pb2_grpc.SummarizationServiceStub(self.replicas.channel(address))
        config = summarization_pb2.SummarizationConfig(style=convert.STYLES[style], language=language, deltas=deltas)
        call = stub.Summarize(_summarize_requests(config, text), metadata=metadata())
        summary = ""
        async for response in _responses(call, ()):
            match response.WhichOneof("event"):
                case "delta":
                    yield Delta(response.delta.text)
                case "summary":
                    summary = response.summary.text
                case "done":
                    yield Summary(summary, response.done.model)

    @staticmethod
    async def _runtime(channel: grpc.aio.Channel) -> Runtime:
        stub = summarization_pb2_grpc.SummarizationServiceStub(channel)
        return convert.summarizer_runtime(
            await stub.GetRuntime(summarization_pb2.SummarizationServiceGetRuntimeRequest())
        )


@dataclass(frozen=True, slots=True)
class Backends:
    """The services that are there; None: not configured."""

    transcription: Transcription
    diarization: Diarization | None = None
    summarization: Summarization | None = None

    @property
    def replicas(self) -> Sequence[Replicas]:
        """Of each service that is configured."""
        services = (self.transcription, self.diarization, self.summarization)
        return [service.replicas for service in services if service is not None]

    async def close(self) -> None:
        """Close all channels."""
        async with AsyncExitStack() as stack:
            for replicas in self.replicas:
                stack.push_async_callback(replicas.close)


def connect(
    *,
    transcription: Sequence[str],
    diarization: Sequence[str],
    summarization: Sequence[str],
    channel: ChannelSettings,
) -> Backends:
    """Open channels to the services; an empty list of addresses means that there is no such service."""
    return Backends(
        Transcription(Channels(transcription, settings=channel)),
        Diarization(Channels(diarization, settings=channel)) if diarization else None,
        Summarization(Channels(summarization, settings=channel)) if summarization else None,
    )


async def _responses(
    call: grpc.aio.StreamStreamCall[Request, Response], failures: Sequence[Exception]
) -> AsyncGenerator[Response, None]:
    """Responses up to and with `done`; the call is cancelled when the reader goes away first.

    Raises the first of `failures`, what went wrong with the requests, rather than what the service made of it.
    """
    done = False
    try:
        with service_errors():
            async for response in call:
                done = response.WhichOneof("event") == "done"  # type: ignore[attr-defined]  # every response has the oneof
                yield response
        if not done:
            raise CutOff("The service ended the stream early.")
    except ServiceError:
        if failures:
            raise failures[0] from None
        raise
    finally:
        call.cancel()


async def _audio_requests(
    config: AudioRequest, audio: AsyncIterator[bytes], failures: list[Exception]
) -> AsyncIterator[AudioRequest]:
    """The sentence of a stream of audio.

    gRPC would cancel the call, and with it the reader, if this raised: so a failure of the audio
    is put aside for the reader, and the stream ends without `finish`.
    """
    make = type(config)
    yield config
    offset = 0
    try:
        async for data in audio:
            yield make(audio=audio_pb2.AudioChunk(offset=offset, data=data))
            offset += len(data)
    except Exception as error:
        failures.append(error)
        return
    yield make(finish=audio_pb2.Finish())


async def _summarize_requests(
    config: summarization_pb2.SummarizationConfig, text: str
) -> AsyncIterator[summarization_pb2.SummarizeRequest]:
    yield summarization_pb2.SummarizeRequest(config=config)
    for start in range(0, len(text), PIECE_CHARACTERS):
        piece = summarization_pb2.TranscriptPiece(text=text[start : start + PIECE_CHARACTERS])
        yield summarization_pb2.SummarizeRequest(piece=piece)
    yield summarization_pb2.SummarizeRequest(finish=audio_pb2.Finish())
