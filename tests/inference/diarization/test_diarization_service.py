"""The Diarize stream through a real server, with an engine that follows a script."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
import numpy as np
import pytest
from speech.v1 import audio_pb2, diarization_pb2_grpc
from speech.v1 import diarization_pb2 as pb

from inference.diarizing.process import Process
from inference.diarizing.settings import DiarizationSettings
from rpc.errors import Aborted, Internal, InvalidArgument, NotFound, ServiceError, Unavailable
from rpc.server import running_server
from tests.diarizing import FINISH, audio, config, connect, diarize, runtime, talk
from weights.settings import WeightsSettings

TWO = {"turns": [[0.5, 2.0, 1], [1.5, 4.0, 2], [6.0, 100.0, 1]]}


@asynccontextmanager
async def service(script: dict[str, object], **fields: object) -> AsyncIterator[tuple[str, Process]]:
    settings = DiarizationSettings(
        engine="scripted", crowd_engine="", script=json.dumps(script), port=0, metrics_port=None, **fields
    )  # type: ignore[arg-type]
    process = Process(settings, WeightsSettings())
    await process.load()
    try:
        async with running_server(process.register, settings=settings) as address:
            yield address, process
    finally:
        await process.close()


def loud(seconds: float) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.full(round(seconds * 16_000), 1000, np.int16)


def told(found: object) -> list[tuple[float, float, int]]:
    return [(round(t.start, 3), round(t.end, 3), t.speaker) for t in found.turns]  # type: ignore[attr-defined]


async def rest_of(call: object) -> list[pb.DiarizeResponse]:
    found = []
    while (response := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
        found.append(response)
    return found


async def test_a_recording_gives_its_turns_once_and_what_it_used() -> None:
    async with service(TWO) as (address, _):
        found = await diarize(address, loud(8))
    assert told(found) == [(0.5, 2.0, 1), (1.5, 4.0, 2), (6.0, 8.0, 1)]
    assert found.ready.engine == "scripted"
    assert found.ready.latency_milliseconds == 0
    assert found.done.speakers == 2
    assert found.done.usage.audio_seconds == pytest.approx(8)
    assert [event.sequence for event in found.events] == list(range(1, len(found.events) + 1))
    assert found.horizons == []


@pytest.mark.parametrize("chunk", [333, 16_000, 100_000])
async def test_the_size_of_chunks_means_nothing(chunk: int) -> None:
    async with service(TWO) as (address, _):
        assert told(await diarize(address, loud(8), chunk=chunk)) == told(await diarize(address, loud(8)))


async def test_live_turns_come_before_the_stream_ends() -> None:
    async with service(TWO) as (address, _):
        channel = connect(address)
        call = diarization_pb2_grpc.DiarizationServiceStub(channel).Diarize()
        await call.write(config(mode=pb.DIARIZATION_MODE_LIVE, latency_milliseconds=1500))
        ready = await call.read()
        assert ready.ready.latency_milliseconds == 1500
        await call.write(audio(loud(2).tobytes()))
        kinds = [(await call.read()).WhichOneof("event") for _ in range(3)]
        assert "turn" in kinds
        await call.write(FINISH)
        rest = await rest_of(call)
        assert rest[-1].WhichOneof("event") == "done"
        await channel.close()


async def test_other_rates_and_encodings_are_taken() -> None:
    async with service(TWO) as (address, _):
        form = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_MULAW, sample_rate_hertz=8000)
        found = await talk(address, [config(format=form), audio(b"\x80" * 32_000), FINISH])
    assert found.done.usage.audio_seconds == pytest.approx(4, abs=0.05)


@pytest.mark.parametrize(
    ("requests", "error", "reason"),
    [
        ([audio(b"\0\0")], InvalidArgument, "config_first"),
        ([config(), config()], InvalidArgument, "config_twice"),
        ([config(), audio(b"\0\0", 2), FINISH], InvalidArgument, "audio_gap"),
        ([config(), audio(b"\0\0")], Aborted, "aborted"),
        ([config(engine="none"), FINISH], NotFound, "unknown_engine"),
        ([config(speakers=20), FINISH], InvalidArgument, "too_many_speakers"),
        ([config(speakers=1000), FINISH], InvalidArgument, "bad_config"),
        (
            [config(format=audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_CONTAINER)), FINISH],
            InvalidArgument,
            "bad_config",
        ),
        ([config(format=audio_pb2.AudioFormat(sample_rate_hertz=4000)), FINISH], InvalidArgument, "bad_config"),
    ],
)
async def test_what_is_wrong_is_refused_with_a_reason(
    requests: list[pb.DiarizeRequest], error: type[ServiceError], reason: str
) -> None:
    async with service(TWO) as (address, _):
        with pytest.raises(error) as refused:
            await talk(address, requests)
    assert refused.value.reason == reason


async def test_an_engine_that_fails_fails_its_stream_only() -> None:
    async with service({"fail_at": 4.0}) as (address, _):
        with pytest.raises(Internal) as failed:
            await diarize(address, loud(6))
        assert failed.value.reason == "engine_failed"
        assert (await diarize(address, loud(2))).done.speakers == 1


async def test_silence_of_the_client_is_no_end() -> None:
    async with service({}) as (address, process):
        with pytest.raises(Aborted):
            await talk(address, [config(), audio(loud(1).tobytes())])
        while (await runtime(address)).load.streams:
            await asyncio.sleep(0.01)
        assert all(pool.load.queued == 0 for pool in process._pools.values())


async def test_full_queues_and_live_places_are_refused_as_ours() -> None:
    slow = {"delay_seconds": 0.2, "workers": 1, "max_batch": 1}
    async with service(slow, queue_seconds=4, backlog_seconds=60, live_streams=1) as (address, _):
        channel = connect(address)
        stub = diarization_pb2_grpc.DiarizationServiceStub(channel)
        live = stub.Diarize()
        await live.write(config(mode=pb.DIARIZATION_MODE_LIVE))
        await live.read()
        with pytest.raises(Unavailable) as refused:
            await diarize(address, loud(1), live=True)
        assert refused.value.reason == "overloaded"
        assert refused.value.retry_after

        file = stub.Diarize()
        await file.write(config())
        await file.read()
        for _ in range(20):
            await file.write(audio(loud(5).tobytes()))
        while (await runtime(address)).load.queued < 4:
            await asyncio.sleep(0.01)
        with pytest.raises(Unavailable):
            await diarize(address, loud(1))
        file.cancel()
        live.cancel()
        await channel.close()


async def test_streams_share_batches_and_live_goes_first() -> None:
    script = {"delay_seconds": 0.02, "workers": 1}
    async with service(script) as (address, process):
        live = diarize(address, loud(6), live=True)
        files = [diarize(address, loud(20)) for _ in range(5)]
        found = await asyncio.gather(live, *files)
        assert all(told(each)[-1][1] in {6.0, 20.0} for each in found)
        (pool,) = process._pools.values()
        assert max(pool.engine.batches) > 1  # type: ignore[attr-defined]


async def test_a_drain_is_told_and_the_stream_goes_on() -> None:
    async with service({}) as (address, process):
        channel = connect(address)
        call = diarization_pb2_grpc.DiarizationServiceStub(channel).Diarize()
        await call.write(config())
        await call.read()
        process.servicer.drain()
        await call.write(audio(loud(1).tobytes()))
        assert (await call.read()).WhichOneof("event") == "draining"
        await call.write(FINISH)
        assert [response.WhichOneof("event") for response in await rest_of(call)] == ["turn", "done"]
        assert (await runtime(address)).load.draining
        await channel.close()


async def test_an_empty_recording_has_no_turns() -> None:
    async with service({}) as (address, _):
        found = await talk(address, [config(), FINISH])
    assert found.turns == []
    assert found.done.usage.audio_seconds == 0


async def test_a_recording_that_comes_fast_waits_at_the_client() -> None:
    slow = {"delay_seconds": 0.05, "workers": 1}
    async with service(slow, backlog_seconds=5) as (address, process):
        waiting = asyncio.create_task(diarize(address, loud(60)))
        (pool,) = process._pools.values()
        most = 0.0
        while not waiting.done():
            most = max(most, pool.load.queued)
            await asyncio.sleep(0.01)
        assert told(await waiting)[-1][1] == 60.0
    # The bound, and the chunk that passed it.
    assert 0 < most <= 6
