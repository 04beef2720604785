"""A Diarization that hears speakers in numbers (see `scripted_speech`): 1 and 2 in turn, ten blocks each."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from speech.v1 import audio_pb2, diarization_pb2, diarization_pb2_grpc

from rpc.errors import ServiceError
from rpc.stream import Inbound, numbered
from tests.scripted_speech import BLOCK_SECONDS, Hearing

DIARIZATION = "speech.v1.DiarizationService"
BLOCKS_A_SPEAKER = 10


def speaker_of(number: int) -> int:
    return 1 + (number - 1) // BLOCKS_A_SPEAKER % 2


@dataclass
class ScriptedDiarization(diarization_pb2_grpc.DiarizationServiceServicer):
    """Speakers 1 and 2 in turn, ten words each."""

    failure: Callable[[], ServiceError] | None = None
    silent: bool = False
    """Whether it never comes to an end."""
    deaf: bool = False
    """Whether it finds no turn."""
    hold: asyncio.Event | None = None
    """While set and not fired, nothing is heard."""
    open: int = 0
    configs: list[diarization_pb2.DiarizationConfig] = field(default_factory=list)

    def register(self, server: grpc.aio.Server) -> None:
        diarization_pb2_grpc.add_DiarizationServiceServicer_to_server(self, server)

    async def Diarize(self, request_iterator: Any, context: Any) -> AsyncIterator[diarization_pb2.DiarizeResponse]:
        self.open += 1
        try:
            async for event in numbered(self._events(Inbound(request_iterator))):
                yield event
        finally:
            self.open -= 1

    async def _events(
        self, stream: Inbound[diarization_pb2.DiarizationConfig, diarization_pb2.DiarizeRequest]
    ) -> AsyncIterator[diarization_pb2.DiarizeResponse]:
        config = await stream.config()
        self.configs.append(config)
        yield diarization_pb2.DiarizeResponse(ready=diarization_pb2.DiarizationReady(engine="scripted"))
        live = config.mode == diarization_pb2.DIARIZATION_MODE_LIVE
        hearing = Hearing()
        turns: list[diarization_pb2.Turn] = []
        async for request in stream:
            if self.failure is not None:
                raise self.failure()
            if self.hold is not None:
                await self.hold.wait()
            for time, number in hearing.hear(request.audio.data):
                if number and not self.deaf:
                    turn = diarization_pb2.Turn(start=time, end=time + BLOCK_SECONDS, speaker=speaker_of(number))
                    turns.append(turn)
                    if live:
                        yield diarization_pb2.DiarizeResponse(turn=turn)
                if live:
                    yield diarization_pb2.DiarizeResponse(horizon=diarization_pb2.Horizon(time=time + BLOCK_SECONDS))
        if self.silent:
            await asyncio.Event().wait()
        if not live:
            for turn in turns:
                yield diarization_pb2.DiarizeResponse(turn=turn)
        yield diarization_pb2.DiarizeResponse(done=diarization_pb2.DiarizationDone())

    async def GetRuntime(self, request: Any, context: Any) -> diarization_pb2.DiarizationServiceGetRuntimeResponse:
        return diarization_pb2.DiarizationServiceGetRuntimeResponse(load=audio_pb2.Load(stream_limit=100))
