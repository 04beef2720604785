"""One stream, end to end: grammar, errors both ways, request ids."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc
import grpc.aio
import pytest
from speech.v1 import audio_pb2
from speech.v1 import diarization_pb2 as pb
from speech.v1 import diarization_pb2_grpc as pb_grpc

from rpc import client
from rpc.client import Channels
from rpc.errors import (
    Aborted,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    ServiceError,
    Unavailable,
    from_rpc_error,
)
from rpc.server import running_server
from rpc.settings import ServerSettings
from rpc.telemetry import request_id
from tests.scripted_service import Scripted

Request = pb.DiarizeRequest
Stub: TypeAlias = "pb_grpc.DiarizationServiceAsyncStub"  # a name of the type stub only
FINISH = Request(finish=audio_pb2.Finish())


def config(script: str = "echo") -> Request:
    return Request(config=pb.DiarizationConfig(engine=script))


def audio(size: int) -> Request:
    return Request(audio=audio_pb2.AudioChunk(data=bytes(size)))


@pytest.fixture
async def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
async def stub(scripted: Scripted) -> AsyncIterator[Stub]:
    async with running_server(scripted.register) as address, Channels([address]) as channels:
        yield pb_grpc.DiarizationServiceStub(channels.channel)


async def failure(stub: Stub, *requests: Request) -> ServiceError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in stub.Diarize(iter(requests), timeout=30):
            pass
    return from_rpc_error(caught.value)


async def test_a_stream_is_config_payload_finish_and_numbered_events(stub: Stub, scripted: Scripted) -> None:
    call = stub.Diarize(iter([config(), audio(3), audio(5), FINISH]), timeout=30)
    events = [event async for event in call]
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert [event.WhichOneof("event") for event in events] == ["ready", "turn", "turn", "done"]
    assert events[-1].done.speakers == 2
    assert await scripted.ended.get() == "finish"


async def test_finish_ends_a_stream_that_the_client_leaves_open(stub: Stub) -> None:
    call = stub.Diarize(timeout=30)
    for request in (config(), audio(1), FINISH):
        await call.write(request)
    events = [event async for event in _reads(call)]
    assert events[-1].WhichOneof("event") == "done"


@pytest.mark.parametrize(
    ("requests", "kind", "reason"),
    [
        ([audio(1)], InvalidArgument, "config_first"),
        ([FINISH], InvalidArgument, "config_first"),
        ([config(), config()], InvalidArgument, "config_twice"),
        ([Request()], InvalidArgument, "empty_request"),
        ([config(), Request()], InvalidArgument, "empty_request"),
        ([], Aborted, "aborted"),
        ([config()], Aborted, "aborted"),
        ([config(), audio(1)], Aborted, "aborted"),
        ([config("raise:plain"), FINISH], NotFound, "not_found"),
        ([config("raise:timeout"), FINISH], DeadlineExceeded, "deadline_exceeded"),
        ([config("raise:grouped"), FINISH], InvalidArgument, "audio_gap"),
        ([config("raise:unexpected"), FINISH], Internal, "internal"),
        ([config(), audio(2_000_000), FINISH], ServiceError, "resource_exhausted"),
    ],
)
async def test_errors_cross_the_wire_as_what_they_are(
    stub: Stub, requests: list[Request], kind: type[ServiceError], reason: str
) -> None:
    error = await failure(stub, *requests)
    assert isinstance(error, kind)
    assert error.reason == reason
    assert error.retry_after is None


async def test_slug_metadata_and_time_to_wait_cross_the_wire(stub: Stub) -> None:
    error = await failure(stub, config("raise:typed"), FINISH)
    assert isinstance(error, Unavailable)
    assert error.reason == "model_unavailable"
    assert error.message == "the weights are not here"
    assert error.metadata == {"model": "large"}
    assert error.retry_after == pytest.approx(2.5)


async def test_an_unexpected_error_tells_the_caller_nothing(stub: Stub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in stub.Diarize(iter([config("raise:unexpected"), FINISH]), timeout=30):
            pass
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in repr(caught.value)
    assert "secret" not in str(caught.value.trailing_metadata())


async def test_a_foreign_error_keeps_its_class_and_loses_its_text() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # held, so that nobody else listens there
        async with Channels([f"127.0.0.1:{deaf.getsockname()[1]}"]) as channels:
            with pytest.raises(Unavailable) as caught, client.service_errors():
                await pb_grpc.DiarizationServiceStub(channels.channel).GetRuntime(
                    pb.DiarizationServiceGetRuntimeRequest(), timeout=30
                )
    assert caught.value.reason == "unavailable"
    assert "127.0.0.1" not in caught.value.message


async def _reads(
    call: grpc.aio.StreamStreamCall[Request, pb.DiarizeResponse],
) -> AsyncIterator[pb.DiarizeResponse]:
    while (event := await call.read()) is not grpc.aio.EOF:
        assert isinstance(event, pb.DiarizeResponse)
        yield event


async def test_a_cancelled_client_is_seen_as_one(stub: Stub, scripted: Scripted) -> None:
    for script in ("echo", "hold"):
        call = stub.Diarize(timeout=30)
        await call.write(config(script))
        await call.read()
        call.cancel()
        assert await scripted.ended.get() in {"CancelledError", "Aborted", "GeneratorExit"}


async def test_a_deadline_is_seen_as_an_abort(stub: Stub, scripted: Scripted) -> None:
    call = stub.Diarize(timeout=2)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.write(config("echo"))
        while await call.read() is not grpc.aio.EOF:
            pass
    assert isinstance(from_rpc_error(caught.value), DeadlineExceeded)
    assert await scripted.ended.get() in {"CancelledError", "Aborted"}


@pytest.mark.parametrize("sent", ["abc-123", "", "with space", "x" * 200])
async def test_the_request_id_is_taken_or_made_and_sent_back(stub: Stub, sent: str) -> None:
    request_id.set(sent)
    call = stub.Diarize(iter([config(), FINISH]), timeout=30, metadata=client.metadata())
    events = [event async for event in call]
    echoed = (await call.initial_metadata())["x-request-id"]
    assert events[0].ready.engine == echoed  # what the servicer saw in its context
    assert echoed
    assert (echoed == sent) == (sent == "abc-123")


async def test_a_peer_that_does_not_read_holds_little(stub: Stub) -> None:
    call = stub.Diarize(timeout=60)
    await call.write(config("hold"))
    await call.read()
    accepted = 0
    with contextlib.suppress(TimeoutError):
        while accepted < 8 << 20:
            await asyncio.wait_for(call.write(audio(32768)), 0.5)
            accepted += 32768
    # With the probe for bandwidth on, the window of one stream grows to 4 MiB on each side.
    assert accepted < 1 << 20
    call.cancel()


async def test_a_refusal_is_heard_as_what_it_is_also_while_sending() -> None:
    async with (
        running_server(Scripted().register, settings=ServerSettings(stream_limit=1)) as address,
        Channels([address]) as channels,
    ):
        stub = pb_grpc.DiarizationServiceStub(channels.channel)
        held = stub.Diarize(timeout=120)
        await held.write(config("hold"))
        await held.read()
        reasons = set()
        # One in a hundred is enough to fail without `VerdictChannel`.
        for _ in range(400):
            call = stub.Diarize(timeout=60)
            with pytest.raises(Unavailable) as caught, client.service_errors():
                await call.write(config())
                await call.read()
            reasons.add(caught.value.reason)
        assert reasons == {"overloaded"}
        held.cancel()
