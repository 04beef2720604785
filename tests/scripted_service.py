"""A full servicer whose behaviour is chosen by the config of each stream, and the process around it.

`engine` of the config is the script: "echo" sends a turn for each chunk, "raise:<kind>" raises that error,
"hold" answers ready and then waits for the stream to end, whatever happens.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from speech.v1 import diarization_pb2 as pb
from speech.v1 import diarization_pb2_grpc as pb_grpc

from rpc.errors import InvalidArgument, NotFound, Unavailable
from rpc.health import Health
from rpc.server import serve
from rpc.settings import ServerSettings
from rpc.stream import Inbound, numbered
from rpc.telemetry import configure_logging, request_id

SERVICE = "speech.v1.DiarizationService"
MODEL = "scripted"


class ModelUnavailable(Unavailable):
    reason = "model_unavailable"


class AudioGap(InvalidArgument):
    reason = "audio_gap"


ERRORS: dict[str, Callable[[], BaseException]] = {
    "typed": lambda: ModelUnavailable("the weights are not here", retry_after=2.5, model="large"),
    "plain": lambda: NotFound("no such engine"),
    "grouped": lambda: ExceptionGroup("task group", [ValueError("secret"), AudioGap("a chunk is missing")]),
    "unexpected": lambda: RuntimeError("a secret of the server"),
    "timeout": TimeoutError,
}


@dataclass
class Scripted(pb_grpc.DiarizationServiceServicer):
    """Records how each stream ended, so that tests see what the service saw."""

    ended: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    calls: int = 0
    draining: asyncio.Event = field(default_factory=asyncio.Event)

    async def Diarize(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.DiarizeResponse]:
        stream: Inbound[pb.DiarizationConfig, pb.DiarizeRequest] = Inbound(request_iterator)
        try:
            async for event in numbered(self._events(stream)):
                yield event
        except BaseException as error:
            self.ended.put_nowait(type(error).__name__)
            raise
        else:
            self.ended.put_nowait("finish")

    async def _events(
        self, stream: Inbound[pb.DiarizationConfig, pb.DiarizeRequest]
    ) -> AsyncIterator[pb.DiarizeResponse]:
        config = await stream.config()
        script, _, argument = config.engine.partition(":")
        yield pb.DiarizeResponse(ready=pb.DiarizationReady(engine=request_id.get()))
        if script == "raise":
            raise ERRORS[argument]()
        if script == "hold":
            await asyncio.Event().wait()
        chunks = 0
        async for request in stream:
            chunks += 1
            yield pb.DiarizeResponse(turn=pb.Turn(start=chunks, end=len(request.audio.data)))
        yield pb.DiarizeResponse(done=pb.DiarizationDone(speakers=chunks))

    async def GetRuntime(self, request: Any, context: Any) -> pb.DiarizationServiceGetRuntimeResponse:
        self.calls += 1
        return pb.DiarizationServiceGetRuntimeResponse()

    def register(self, server: grpc.aio.Server) -> None:
        pb_grpc.add_DiarizationServiceServicer_to_server(self, server)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(arguments: list[str]) -> int:
    """Serves by the settings given as JSON; is ready when a line comes on standard input, "fail" to fail."""
    settings = ServerSettings.model_validate_json(arguments[0])
    configure_logging(level=settings.log_level, as_json=True)

    async def ready() -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        if (await reader.readline()).strip() == b"fail":
            raise RuntimeError("no weights")

    return await serve(
        settings,
        register=Scripted().register,
        health=Health(SERVICE, MODEL),
        ready=ready,
        on_drain=lambda: say("on_drain"),
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(main(sys.argv[1:])))
