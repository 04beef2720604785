"""A client of the Diarization service, for tests: sends samples, gathers what comes back."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import grpc.aio
import numpy as np
from numpy.typing import NDArray
from speech.v1 import audio_pb2, diarization_pb2_grpc
from speech.v1 import diarization_pb2 as pb

from rpc.errors import from_rpc_error
from rpc.verdict import VerdictChannel

Pcm = NDArray[np.int16]


@dataclass
class Diarized:
    """All events of a stream."""

    ready: pb.DiarizationReady = field(default_factory=pb.DiarizationReady)
    events: list[pb.DiarizeResponse] = field(default_factory=list)
    turns: list[pb.Turn] = field(default_factory=list)
    """As they stand at the end: what a later turn replaced is gone, merged numbers are followed."""
    horizons: list[float] = field(default_factory=list)
    done: pb.DiarizationDone = field(default_factory=pb.DiarizationDone)
    _fresh: bool = True

    def take(self, response: pb.DiarizeResponse) -> None:
        self.events.append(response)
        match response.WhichOneof("event"):
            case "ready":
                self.ready = response.ready
            case "turn":
                self._replace(response.turn)
            case "horizon":
                self.horizons.append(response.horizon.time)
                self._fresh = True
            case "speaker_merged":
                for turn in self.turns:
                    if turn.speaker == getattr(response.speaker_merged, "from"):
                        turn.speaker = response.speaker_merged.into
            case "done":
                self.done = response.done

    def _replace(self, turn: pb.Turn) -> None:
        horizon = self.horizons[-1] if self.horizons else 0.0
        if self._fresh:
            self.turns = [each for each in self.turns if each.start < horizon]
            for each in self.turns:
                each.end = min(each.end, horizon)
            self._fresh = False
        self.turns.append(turn)


def config(**fields: object) -> pb.DiarizeRequest:
    """The first message of a stream."""
    return pb.DiarizeRequest(config=pb.DiarizationConfig(**fields))  # type: ignore[arg-type]


def audio(data: bytes, offset: int | None = None) -> pb.DiarizeRequest:
    """A piece of audio."""
    return pb.DiarizeRequest(audio=audio_pb2.AudioChunk(data=data, offset=offset))


FINISH = pb.DiarizeRequest(finish=audio_pb2.Finish())


def connect(address: str) -> VerdictChannel:
    """Open a channel that hears refusals also while it sends."""
    return VerdictChannel(grpc.aio.insecure_channel(address))


async def talk(address: str, requests: Sequence[pb.DiarizeRequest]) -> Diarized:
    """Send the messages and gather the answers. Raises ServiceError."""
    found = Diarized()

    async def send() -> AsyncIterator[pb.DiarizeRequest]:
        for request in requests:
            yield request

    async with connect(address) as channel:
        try:
            async for response in diarization_pb2_grpc.DiarizationServiceStub(channel).Diarize(send()):
                found.take(response)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
    return found


async def diarize(
    address: str, pcm: Pcm, *, speakers: int = 0, live: bool = False, latency: float | None = None, chunk: int = 16_000
) -> Diarized:
    """Send a recording in chunks of so many samples."""
    first = config(
        mode=pb.DIARIZATION_MODE_LIVE if live else pb.DIARIZATION_MODE_FILE,
        speakers=speakers,
        latency_milliseconds=None if latency is None else round(latency * 1000),
    )
    data = pcm.tobytes()
    pieces = [audio(data[at : at + 2 * chunk], at) for at in range(0, len(data), 2 * chunk)]
    return await talk(address, [first, *pieces, FINISH])


async def runtime(address: str) -> pb.DiarizationServiceGetRuntimeResponse:
    """Ask what the server runs on."""
    async with connect(address) as channel:
        stub = diarization_pb2_grpc.DiarizationServiceStub(channel)
        return await stub.GetRuntime(pb.DiarizationServiceGetRuntimeRequest())
