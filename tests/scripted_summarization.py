"""A Summarization that counts characters."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from speech.v1 import audio_pb2, summarization_pb2, summarization_pb2_grpc

from rpc.errors import ServiceError
from rpc.stream import Inbound, numbered

SUMMARIZATION = "speech.v1.SummarizationService"


@dataclass
class ScriptedSummarization(summarization_pb2_grpc.SummarizationServiceServicer):
    """Says in which style how many characters came."""

    state: str = "ready"
    configs: list[summarization_pb2.SummarizationConfig] = field(default_factory=list)
    failure: Callable[[], ServiceError] | None = None

    def register(self, server: grpc.aio.Server) -> None:
        summarization_pb2_grpc.add_SummarizationServiceServicer_to_server(self, server)

    async def Summarize(
        self, request_iterator: Any, context: Any
    ) -> AsyncIterator[summarization_pb2.SummarizeResponse]:
        async for event in numbered(self._events(Inbound(request_iterator))):
            yield event

    async def _events(
        self, stream: Inbound[summarization_pb2.SummarizationConfig, summarization_pb2.SummarizeRequest]
    ) -> AsyncIterator[summarization_pb2.SummarizeResponse]:
        config = await stream.config()
        self.configs.append(config)
        if self.failure is not None:
            raise self.failure()
        yield summarization_pb2.SummarizeResponse(ready=summarization_pb2.SummarizationReady(model="scripted-instruct"))
        text = ""
        async for request in stream:
            text += request.piece.text
        answer = f"{len(text)} characters."
        if config.deltas:
            for word in answer.split():
                yield summarization_pb2.SummarizeResponse(delta=summarization_pb2.SummaryDelta(text=word + " "))
        yield summarization_pb2.SummarizeResponse(summary=summarization_pb2.Summary(text=answer))
        done = summarization_pb2.SummarizationDone(model="scripted-instruct", style=config.style)
        yield summarization_pb2.SummarizeResponse(done=done)

    async def GetRuntime(self, request: Any, context: Any) -> summarization_pb2.SummarizationServiceGetRuntimeResponse:
        return summarization_pb2.SummarizationServiceGetRuntimeResponse(
            load=audio_pb2.Load(stream_limit=100),
            model="scripted-instruct",
            state=self.state,
            fetched_bytes=10 if self.state == "fetching" else 0,
            total_bytes=100 if self.state == "fetching" else 0,
        )
