"""The DiarizationService: reads requests, feeds a stream, writes its events."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeAlias

import grpc.aio
from speech.v1 import audio_pb2, diarization_pb2_grpc
from speech.v1 import diarization_pb2 as pb

from inference.diarizing import messages, metrics
from inference.diarizing.engines import Engines
from inference.diarizing.lane import Lane
from inference.engines.diarization import DiarizationEvent, Merged, Settled
from inference.hardware import Device, devices
from inference.intake import Flush, Request, SampleIntake
from inference.types import Turn
from rpc.errors import ResourceExhausted, Unavailable
from rpc.stream import Inbound, numbered

SERVICE = pb.DESCRIPTOR.services_by_name["DiarizationService"].full_name

Stream: TypeAlias = "Inbound[pb.DiarizationConfig, pb.DiarizeRequest]"


class AudioTooLong(ResourceExhausted):
    """A stream carries more audio than the server takes in one."""

    reason = "audio_too_long"


class StillLoading(Unavailable):
    """The engines are not there yet."""

    reason = "model_unavailable"


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """Bounds of the service."""

    audio_seconds: float
    """Longest audio of one stream."""
    stream_limit: int


class DiarizationServicer(diarization_pb2_grpc.DiarizationServiceServicer):
    """One async generator a stream: pull, feed the lane, yield. Engines come once they are loaded."""

    def __init__(self, policy: ServicePolicy) -> None:
        self._policy = policy
        self._engines: Engines | None = None
        self._devices: tuple[Device, ...] = devices("cpu")
        self._streams = 0
        self._draining = False

    def use(self, engines: Engines, running_on: tuple[Device, ...]) -> None:
        """Take the engines into use."""
        self._engines, self._devices = engines, running_on

    def drain(self) -> None:
        """Tell open streams, at their next event, that the process goes away."""
        self._draining = True

    async def Diarize(
        self,
        request_iterator: AsyncIterator[pb.DiarizeRequest],
        context: "grpc.aio.ServicerContext[pb.DiarizeRequest, pb.DiarizeResponse]",
    ) -> AsyncIterator[pb.DiarizeResponse]:
        """Diarize one stream of audio."""
        self._streams += 1
        try:
            async for response in numbered(self._stream(Inbound(request_iterator))):
                yield response
        finally:
            self._streams -= 1

    async def GetRuntime(
        self,
        request: pb.DiarizationServiceGetRuntimeRequest,
        context: (
            "grpc.aio.ServicerContext[pb.DiarizationServiceGetRuntimeRequest, pb.DiarizationServiceGetRuntimeResponse]"
        ),
    ) -> pb.DiarizationServiceGetRuntimeResponse:
        """Tell what the server runs on and how busy it is."""
        return pb.DiarizationServiceGetRuntimeResponse(
            accelerators=[
                audio_pb2.Accelerator(kind=each.kind, name=each.name, memory_mebibytes=each.memory_mebibytes)
                for each in self._devices
            ],
            load=messages.load(
                [pool.load for pool in self._engines.pools] if self._engines else [],
                streams=self._streams,
                stream_limit=self._policy.stream_limit,
                draining=self._draining,
            ),
        )

    async def _stream(self, inbound: Stream) -> AsyncIterator[pb.DiarizeResponse]:
        config = messages.stream_config(await inbound.config())
        if self._engines is None:
            raise StillLoading("the engines are being loaded", retry_after=2.0)
        choice = self._engines.choose(config)
        capabilities = choice.pool.engine.capabilities
        async with choice.pool.lane(choice.options) as lane:
            yield messages.ready(choice.name, max_speakers=capabilities.max_speakers, latency=choice.options.latency)
            speakers: set[int] = set()
            settled, told = 0.0, False
            async for event in _events(lane, SampleIntake(config.form), inbound, longest=self._policy.audio_seconds):
                match event:
                    case Turn(provisional=False):
                        speakers.add(event.speaker)
                    case Merged(gone, _):
                        speakers.discard(gone)
                    case Settled(settled):
                        pass
                if event is not None:
                    yield messages.response(event)
                if self._draining and not told:
                    told = True
                    yield messages.draining(settled)
            mode = "live" if config.live else "file"
            metrics.AUDIO_SECONDS.labels(choice.name, mode).inc(lane.received)
            metrics.SPEECH_SECONDS.labels(choice.name, mode).inc(lane.speech_seconds)
            yield messages.done(audio=lane.received, speech=lane.speech_seconds, speakers=len(speakers))


async def _events(
    lane: Lane, intake: SampleIntake, inbound: Stream, *, longest: float
) -> AsyncIterator[DiarizationEvent | None]:
    """Feed the lane and yield its events; None after each piece of audio that gave none."""
    async for intaken in intake.read(_requests(inbound)):
        if isinstance(intaken, Flush):
            await lane.flush()
        else:
            await lane.push(intaken)
        if lane.received > longest:
            raise AudioTooLong(f"a stream carries at most {longest:.0f} s of audio")
        for event in lane.take() or (None,):
            yield event
    await lane.finish()
    for event in lane.take():
        yield event


async def _requests(inbound: Stream) -> AsyncIterator[Request]:
    async for message in inbound:
        yield messages.request(message)


def main() -> int:
    """Run the process with the settings of the environment; return its exit code."""
    from inference.diarizing.process import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
