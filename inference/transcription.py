"""The TranscriptionService: it translates between requests and sessions, and decides nothing."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

import grpc.aio
from speech.v1 import transcription_pb2 as pb
from speech.v1 import transcription_pb2_grpc

from inference import convert, metrics
from inference.conversation import converse
from inference.events import Done
from inference.intake import Intakes, Request
from inference.languages import LANGUAGES
from inference.models import ModelPool
from inference.sessions import Sessions
from rpc.stream import Inbound, Sequence

Stream: TypeAlias = "Inbound[pb.TranscriptionConfig, pb.TranscribeRequest]"


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """What the service does where a stream says nothing."""

    model: str
    audio_seconds: float
    """Longest audio of one stream."""
    stream_limit: int


class TranscriptionServicer(transcription_pb2_grpc.TranscriptionServiceServicer):
    """One async generator a stream: pull, feed the session, yield."""

    def __init__(self, pool: ModelPool, sessions: Sessions, intakes: Intakes, policy: ServicePolicy) -> None:
        self._pool = pool
        self._sessions = sessions
        self._intakes = intakes
        self._policy = policy

    async def Transcribe(
        self,
        request_iterator: AsyncIterator[pb.TranscribeRequest],
        context: "grpc.aio.ServicerContext[pb.TranscribeRequest, pb.TranscribeResponse]",
    ) -> AsyncGenerator[pb.TranscribeResponse, None]:
        """Transcribe one stream of audio."""
        sequence = Sequence()
        async with aclosing(self._stream(Inbound(request_iterator))) as responses:
            async for response in responses:
                response.sequence = sequence.next()
                yield response

    async def ListModels(
        self,
        request: pb.ListModelsRequest,
        context: "grpc.aio.ServicerContext[pb.ListModelsRequest, pb.ListModelsResponse]",
    ) -> pb.ListModelsResponse:
        """List the models, loaded or not."""
        return pb.ListModelsResponse(models=[convert.model(standing) for standing in self._pool.standings()])

    async def ListLanguages(
        self,
        request: pb.ListLanguagesRequest,
        context: "grpc.aio.ServicerContext[pb.ListLanguagesRequest, pb.ListLanguagesResponse]",
    ) -> pb.ListLanguagesResponse:
        """List the languages that multilingual models understand."""
        return pb.ListLanguagesResponse(
            languages=[pb.Language(code=code, name=name) for code, name in LANGUAGES.items()]
        )

    async def GetRuntime(
        self,
        request: pb.TranscriptionServiceGetRuntimeRequest,
        context: (
            "grpc.aio.ServicerContext[pb.TranscriptionServiceGetRuntimeRequest,"
            " pb.TranscriptionServiceGetRuntimeResponse]"
        ),
    ) -> pb.TranscriptionServiceGetRuntimeResponse:
        """Tell what the server runs on and how busy it is."""
        models = self._pool.loaded
        return pb.TranscriptionServiceGetRuntimeResponse(
            accelerators=[convert.accelerator(device) for device in self._pool.devices],
            load=convert.load(
                [model.scheduler for model in models],
                streams=self._sessions.open,
                stream_limit=self._policy.stream_limit,
                draining=self._sessions.draining,
            ),
        )

    async def _stream(self, inbound: Stream) -> AsyncGenerator[pb.TranscribeResponse, None]:
        config = convert.stream_config(await inbound.config())
        model = config.model or self._policy.model
        async with self._pool.lease(model) as loaded:
            with self._sessions.session(config, loaded.scheduler) as session:
                served_by = loaded.row.id
                yield convert.ready(config, model=model, served_by=served_by)
                intake = self._intakes.open(config.form)
                audio = intake.read(_requests(inbound))
                async with aclosing(converse(audio, session, longest=self._policy.audio_seconds)) as events:
                    async for event in events:
                        if isinstance(event, Done):
                            metrics.note(event, live=config.live)
                        yield convert.response(event, convert.Outcome(served_by, intake.truncated))


async def _requests(inbound: Stream) -> AsyncIterator[Request]:
    async for message in inbound:
        yield convert.request(message)
