"""Real processes: becoming ready, drain, signals, peers that are killed or frozen."""

import asyncio
import contextlib
import signal
import sys

import aiohttp
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from speech.v1 import audio_pb2
from speech.v1 import diarization_pb2 as pb
from speech.v1 import diarization_pb2_grpc as pb_grpc

from rpc.client import Channels, service_errors
from rpc.errors import Unavailable
from rpc.server import running_server
from rpc.settings import ChannelSettings, ServerSettings
from tests.scripted_process import ROOT, scripted_process
from tests.scripted_service import SERVICE, Scripted

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
RUNTIME = pb.DiarizationServiceGetRuntimeRequest()
FINISH = pb.DiarizeRequest(finish=audio_pb2.Finish())
FAST = ChannelSettings(keepalive_seconds=1, keepalive_timeout_seconds=4)


def config(script: str) -> pb.DiarizeRequest:
    return pb.DiarizeRequest(config=pb.DiarizationConfig(engine=script))


def audio() -> pb.DiarizeRequest:
    return pb.DiarizeRequest(audio=audio_pb2.AudioChunk(data=b"\0\0"))


async def test_a_process_serves_once_it_is_ready_and_shows_its_metrics() -> None:
    async with scripted_process(ready=False) as server, Channels([server.address]) as channels:
        health = health_pb2_grpc.HealthStub(channels.channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=60)
        assert (await watch.read()).status == NOT_SERVING
        server.say("ready")
        assert (await watch.read()).status == SERVING
        async with aiohttp.ClientSession() as web, web.get(server.metrics) as answer:
            assert "event_loop_lag_seconds" in await answer.text()


async def test_a_process_that_cannot_become_ready_ends_with_an_error() -> None:
    async with scripted_process(ready=False) as server:
        server.say("fail")
        told = await server.logged("not_ready")
        assert "no weights" in told["exception"]
        assert await server.code() == 1


async def test_a_process_that_is_told_to_stop_while_it_loads_stops() -> None:
    async with scripted_process(ready=False) as server:
        server.signal(signal.SIGTERM)
        assert await server.code() == 0


async def test_a_drain_flips_health_and_lets_an_open_stream_finish() -> None:
    async with scripted_process(drain_seconds=50) as server, Channels([server.address]) as channels:
        stub = pb_grpc.DiarizationServiceStub(channels.channel)
        watch = health_pb2_grpc.HealthStub(channels.channel).Watch(
            health_pb2.HealthCheckRequest(service=SERVICE), timeout=60
        )
        assert (await watch.read()).status == SERVING
        call = stub.Diarize(timeout=60)
        await call.write(config("echo"))
        await call.read()
        server.signal(signal.SIGTERM)
        assert (await watch.read()).status == NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
        assert server.process.stdout is not None
        assert await server.process.stdout.readline() == b"on_drain\n"
        await _refused(server.address)
        for number in range(2, 22):
            await call.write(audio())
            event = await call.read()
            assert isinstance(event, pb.DiarizeResponse)
            assert event.sequence == number
        await call.write(FINISH)
        last = await call.read()
        assert isinstance(last, pb.DiarizeResponse)
        assert last.done.speakers == 20
        assert await call.code() is grpc.StatusCode.OK
        # Well before `drain_seconds`: the only open stream has ended, and watches of health do not count.
        assert await server.code() == 0


async def _refused(address: str) -> None:
    """Waits until a new call is refused; at once after the health there is a moment where one may still get in."""
    async with asyncio.timeout(60):
        while True:
            async with Channels([address]) as channels:
                try:
                    await pb_grpc.DiarizationServiceStub(channels.channel).GetRuntime(RUNTIME, timeout=30)
                except grpc.aio.AioRpcError as error:
                    assert error.code() is grpc.StatusCode.UNAVAILABLE
                    return
            await asyncio.sleep(0.02)


async def test_calls_are_taken_during_the_notice_of_a_drain() -> None:
    async with scripted_process(drain_notice_seconds=40) as server, Channels([server.address]) as channels:
        server.signal(signal.SIGTERM)
        await server.logged("draining")
        assert not any((await channels.health(SERVICE)).values())
        await pb_grpc.DiarizationServiceStub(channels.channel).GetRuntime(RUNTIME, timeout=30)
        server.signal(signal.SIGTERM)
        assert await server.code() == 128 + signal.SIGTERM


async def test_a_stream_that_outlives_the_drain_is_cut_off_as_unavailable() -> None:
    async with scripted_process(drain_seconds=0.3) as server, Channels([server.address]) as channels:
        call = pb_grpc.DiarizationServiceStub(channels.channel).Diarize(timeout=60)
        await call.write(config("hold"))
        await call.read()
        server.signal(signal.SIGTERM)
        with pytest.raises(Unavailable), service_errors():
            await call.read()
        assert await server.code() == 0


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_process_at_once(first: signal.Signals) -> None:
    async with scripted_process(drain_seconds=500) as server, Channels([server.address]) as channels:
        call = pb_grpc.DiarizationServiceStub(channels.channel).Diarize(timeout=60)
        await call.write(config("hold"))
        await call.read()
        server.signal(first)
        await server.logged("draining")
        server.signal(signal.SIGINT)
        assert await server.code() == 128 + signal.SIGINT


async def test_a_frozen_server_is_noticed() -> None:
    async with scripted_process() as server, Channels([server.address], settings=FAST) as channels:
        call = pb_grpc.DiarizationServiceStub(channels.channel).Diarize(timeout=45)
        await call.write(config("hold"))
        await call.read()
        server.signal(signal.SIGSTOP)
        # Without the timeout of pings in the options it takes 60 seconds: the deadline of the call comes first.
        with pytest.raises(Unavailable), service_errors():
            await call.read()


async def test_a_killed_server_is_noticed() -> None:
    async with scripted_process() as server, Channels([server.address]) as channels:
        call = pb_grpc.DiarizationServiceStub(channels.channel).Diarize(timeout=200)
        await call.write(config("hold"))
        await call.read()
        server.signal(signal.SIGKILL)
        with pytest.raises(Unavailable), service_errors():
            await call.read()


CLIENT = """
import sys, grpc
from speech.v1 import diarization_pb2 as pb, diarization_pb2_grpc as pb_grpc
def requests():
    yield pb.DiarizeRequest(config=pb.DiarizationConfig(engine=sys.argv[2]))
    sys.stdin.read()
with grpc.insecure_channel(sys.argv[1]) as channel:
    for event in pb_grpc.DiarizationServiceStub(channel).Diarize(requests()):
        print("open", flush=True)
"""


@pytest.mark.parametrize(
    ("script", "number"), [("echo", signal.SIGKILL), ("hold", signal.SIGKILL), ("hold", signal.SIGSTOP)]
)
async def test_a_killed_or_frozen_client_is_seen_as_an_abort(script: str, number: signal.Signals) -> None:
    scripted = Scripted()
    settings = ServerSettings(keepalive_seconds=1, keepalive_timeout_seconds=4)
    async with running_server(scripted.register, settings=settings) as address:
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            CLIENT,
            address,
            script,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        try:
            assert client.stdout is not None
            assert await client.stdout.readline() == b"open\n"
            client.send_signal(number)
            # Without the timeout of pings in the options, a frozen client would hold its place for minutes.
            async with asyncio.timeout(45):
                assert await scripted.ended.get() in {"CancelledError", "Aborted"}
        finally:
            with contextlib.suppress(ProcessLookupError):
                client.kill()
            await client.communicate()


async def test_replicas_take_turns_and_a_dead_one_costs_no_unary_call() -> None:
    one, two = Scripted(), Scripted()
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(running_server(one.register))
        second = await stack.enter_async_context(running_server(two.register))
        third = await stack.enter_async_context(scripted_process())
        channels = await stack.enter_async_context(
            Channels([first, second, third.address], retry=[f"{SERVICE}/GetRuntime"])
        )
        stub = pb_grpc.DiarizationServiceStub(channels.channel)
        assert await channels.replicas() == (first, second, third.address)
        assert await channels.health(seconds=30) == dict.fromkeys((first, second, third.address), True)

        async with asyncio.timeout(60):
            while not (one.calls and two.calls):
                await stub.GetRuntime(RUNTIME, timeout=30)
        third.signal(signal.SIGKILL)
        await third.code()
        for _ in range(60):
            await stub.GetRuntime(RUNTIME, timeout=30)
        assert await channels.health(seconds=30) == {first: True, second: True, third.address: False}


async def test_health_is_told_for_each_replica() -> None:
    async with (
        scripted_process() as up,
        scripted_process(ready=False) as loading,
        Channels([up.address, loading.address]) as channels,
    ):
        assert await channels.health(SERVICE, seconds=30) == {up.address: True, loading.address: False}
        up.signal(signal.SIGSTOP)
        assert await channels.health(SERVICE, seconds=0.5) == {up.address: False, loading.address: False}


async def test_the_channel_of_a_replica_that_went_away_is_closed_once_its_streams_are_over() -> None:
    async with (
        scripted_process() as there,
        scripted_process() as leaving,
        Channels([there.address.replace("127.0.0.1", "localhost")]) as channels,
    ):
        # As if the name had led to both a moment ago.
        call = pb_grpc.DiarizationServiceStub(channels.at(leaving.address)).Diarize(timeout=60)
        await call.write(config("echo"))
        await call.read()
        channels.at(there.address)
        await channels.replicas()
        assert set(channels.opened) == {there.address, leaving.address}
        await call.write(FINISH)
        last = await call.read()
        assert isinstance(last, pb.DiarizeResponse)
        assert last.HasField("done")
        leaving.signal(signal.SIGKILL)
        async with asyncio.timeout(60):
            while leaving.address in channels.opened:
                await channels.replicas()
                await asyncio.sleep(0.02)
        assert channels.opened == (there.address,)
