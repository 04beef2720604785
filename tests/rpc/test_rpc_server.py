"""A server inside the loop: health by name, reflection, the stream limit, metrics, TLS, settings."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from speech.v1 import audio_pb2
from speech.v1 import diarization_pb2 as pb
from speech.v1 import diarization_pb2_grpc as pb_grpc

from rpc.client import Channels, service_errors
from rpc.errors import Overloaded, Unavailable
from rpc.health import LIVE, Health
from rpc.server import running_server
from rpc.settings import ServerSettings
from rpc.telemetry import LOOP_LAG, metrics_server, watch_loop_lag
from rpc.transport import CannotListen
from tests.scripted_service import MODEL, SERVICE, Scripted

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def start(script: str = "hold") -> pb.DiarizeRequest:
    return pb.DiarizeRequest(config=pb.DiarizationConfig(engine=script))


@contextlib.asynccontextmanager
async def running(health: Health, settings: ServerSettings | None = None) -> AsyncIterator[grpc.aio.Channel]:
    async with (
        running_server(Scripted().register, health=health, settings=settings) as address,
        Channels([address]) as channels,
    ):
        yield channels.channel


async def states(channel: grpc.aio.Channel) -> dict[str, int]:
    answer = await health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest(), timeout=30)
    return {name: each.status for name, each in answer.statuses.items()}


async def test_no_name_is_served_before_the_process_is_ready() -> None:
    health = Health(SERVICE, MODEL)
    async with running(health) as channel:
        assert await states(channel) == {"": NOT_SERVING, LIVE: SERVING, SERVICE: NOT_SERVING, MODEL: NOT_SERVING}
        health.ready()
        assert await states(channel) == {"": SERVING, LIVE: SERVING, SERVICE: SERVING, MODEL: SERVING}
        health.set(MODEL, False)
        assert await states(channel) == {"": NOT_SERVING, LIVE: SERVING, SERVICE: SERVING, MODEL: NOT_SERVING}


async def test_an_unknown_name_is_not_found() -> None:
    async with running(Health(SERVICE)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=30)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_the_check_takes_a_name_out_and_brings_it_back() -> None:
    answers = {SERVICE: True}
    health = Health(SERVICE, MODEL, check=lambda: answers)
    health.ready()
    async with running(health, ServerSettings(watchdog_seconds=0.01)) as channel:
        call = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=60)
        assert (await call.read()).status == SERVING
        answers[SERVICE] = False
        assert (await call.read()).status == NOT_SERVING
        assert health.serving(MODEL)
        answers[SERVICE] = True
        assert (await call.read()).status == SERVING


async def test_a_check_that_fails_serves_nothing() -> None:
    def check() -> dict[str, bool]:
        raise RuntimeError("no queue")

    health = Health(SERVICE, check=check)
    health.ready()
    async with running(health, ServerSettings(watchdog_seconds=0.01)):
        await until(lambda: health.serving(SERVICE) is False)
        assert health.serving(LIVE)


async def test_watch_ends_when_the_process_drains() -> None:
    health = Health(SERVICE)
    health.ready()
    async with running(health) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch
        known = watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=60)
        unknown = watch(health_pb2.HealthCheckRequest(service="nobody"), timeout=60)
        assert (await known.read()).status == SERVING
        assert (await unknown.read()).status == UNKNOWN
        health.drain()
        assert [each.status async for each in _rest(known)] == [NOT_SERVING]
        assert [each.status async for each in _rest(unknown)] == []
        health.ready()
        assert health.serving(SERVICE) is False


async def _rest(
    call: grpc.aio.UnaryStreamCall[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse],
) -> AsyncIterator[health_pb2.HealthCheckResponse]:
    while (each := await call.read()) is not grpc.aio.EOF:
        yield each


async def _reflected(channel: grpc.aio.Channel) -> set[str]:
    call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=30
    )
    return {service.name async for answer in call for service in answer.list_services_response.service}


async def test_reflection_is_off_unless_it_is_asked_for() -> None:
    async with running(Health(SERVICE, MODEL)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _reflected(channel)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    async with running(Health(SERVICE, MODEL), ServerSettings(reflection=True)) as channel:
        names = await _reflected(channel)
    assert {SERVICE, "grpc.health.v1.Health"} <= names
    assert MODEL not in names


async def test_a_stream_past_the_limit_is_refused_and_a_place_is_given_back() -> None:
    settings = ServerSettings(stream_limit=2, stream_retry_seconds=7)
    async with running(Health(SERVICE), settings) as channel:
        stub = pb_grpc.DiarizationServiceStub(channel)
        held = [stub.Diarize(timeout=60) for _ in range(2)]
        for call in held:
            await call.write(start())
            await call.read()
        refused = stub.Diarize(iter([start("echo")]), timeout=30)
        with pytest.raises(Unavailable) as caught, service_errors():
            await refused.read()
        assert caught.value.reason == Overloaded.reason
        assert caught.value.retry_after == 7
        assert caught.value.metadata == {"limit": "2"}
        # Unary calls and the watching of health need no place.
        await stub.GetRuntime(pb.DiarizationServiceGetRuntimeRequest(), timeout=30)
        await states(channel)
        held[0].cancel()

        async def admitted() -> bool:
            finish = pb.DiarizeRequest(finish=audio_pb2.Finish())
            try:
                return bool([each async for each in stub.Diarize(iter([start("echo"), finish]), timeout=30)])
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE
                return False

        async with asyncio.timeout(60):
            while not await admitted():
                await asyncio.sleep(0.01)


async def test_a_port_that_is_taken_is_said_so() -> None:
    async with running_server(Scripted().register) as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(CannotListen, match=address):
            async with running(Health(), ServerSettings(port=port)):
                pass
        with pytest.raises(CannotListen, match=address):
            async with metrics_server("127.0.0.1", port):
                pass


async def test_the_probe_port_serves_health_and_nothing_else(unused_tcp_port: int) -> None:
    health = Health(SERVICE)
    health.ready()
    async with (
        running(health, ServerSettings(probe_port=unused_tcp_port)),
        Channels([f"127.0.0.1:{unused_tcp_port}"]) as probes,
    ):
        assert (await states(probes.channel))[SERVICE] == SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await pb_grpc.DiarizationServiceStub(probes.channel).GetRuntime(
                pb.DiarizationServiceGetRuntimeRequest(), timeout=30
            )
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_metrics_tell_rate_errors_and_duration() -> None:
    async with (
        running(Health(SERVICE)) as channel,
        metrics_server("127.0.0.1", 0) as port,
        aiohttp.ClientSession() as web,
    ):

        async def value(line: str) -> float:
            async with web.get(f"http://127.0.0.1:{port}/metrics") as answer:
                found = [each for each in (await answer.text()).splitlines() if each.startswith(line + " ")]
            return float(found[0].split()[-1]) if found else 0.0

        labels = f'grpc_method="Diarize",grpc_service="{SERVICE}",grpc_type="stream_stream"'
        handled = f'grpc_server_handled_total{{grpc_code="UNAVAILABLE",{labels},reason="model_unavailable"}}'
        seconds = f"grpc_server_handling_seconds_count{{{labels}}}"
        before = await value(handled), await value(seconds)
        call = pb_grpc.DiarizationServiceStub(channel).Diarize(iter([start("raise:typed")]), timeout=30)
        with pytest.raises(grpc.aio.AioRpcError):
            assert [each async for each in call]
        assert await value(f"grpc_server_open{{{labels}}}") == 0
        assert (await value(handled), await value(seconds)) == (before[0] + 1, before[1] + 1)


async def test_the_lag_of_the_loop_is_seen() -> None:
    watch = asyncio.create_task(watch_loop_lag())
    await asyncio.sleep(0)
    time.sleep(1.0)  # what must never happen on a loop
    await until(lambda: LOOP_LAG._value.get() >= 0.5)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


def test_a_room_mixes_the_settings_into_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class RoomSettings(ServerSettings, BaseSettings):
        model_config = SettingsConfigDict(env_prefix="ROOM_")
        engine: str = "embedded"

    monkeypatch.setenv("ROOM_PORT", "50052")
    monkeypatch.setenv("ROOM_ENGINE", "sortformer")
    monkeypatch.setenv("ROOM_REFLECTION", "true")
    settings = RoomSettings()
    assert (settings.port, settings.engine, settings.reflection) == (50052, "sortformer", True)
    monkeypatch.setenv("ROOM_STREAM_LIMIT", "0")
    with pytest.raises(ValidationError):
        RoomSettings()


def test_half_a_tls_identity_is_refused() -> None:
    with pytest.raises(ValidationError):
        ServerSettings.model_validate({"tls_certificate": "server.crt"})
