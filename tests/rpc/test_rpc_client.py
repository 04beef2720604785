"""What addresses channels take, and what a process says about its calls."""

import pytest
from speech.v1 import audio_pb2
from speech.v1 import diarization_pb2 as pb
from speech.v1 import diarization_pb2_grpc as pb_grpc

from rpc.client import Channels
from tests.scripted_process import scripted_process
from tests.scripted_service import SERVICE


@pytest.mark.parametrize(
    ("addresses", "target"),
    [
        (["transcription:50051"], "dns:///transcription:50051"),
        (["dns:///transcription:50051"], "dns:///transcription:50051"),
        (["unix:/run/verbatim.sock"], "unix:/run/verbatim.sock"),
        (["127.0.0.1:1"], "dns:///127.0.0.1:1"),
        (["127.0.0.1:1", "localhost:2"], "ipv4:127.0.0.1:1,127.0.0.1:2"),
        (["[::1]:1", "[::1]:2"], "ipv6:[::1]:1,[::1]:2"),
    ],
)
async def test_addresses_become_one_target(addresses: list[str], target: str) -> None:
    async with Channels(addresses) as channels:
        assert channels.target == target


@pytest.mark.parametrize("addresses", [[], ["one:1", "two:2"], ["127.0.0.1:1", "[::1]:2"]])
async def test_addresses_that_no_channel_can_take_are_refused_at_once(addresses: list[str]) -> None:
    with pytest.raises(ValueError, match="address"):
        Channels(addresses)


async def test_a_name_leads_to_its_replicas() -> None:
    async with Channels(["dns:///localhost:50051"]) as channels:
        assert "127.0.0.1:50051" in await channels.replicas()


async def test_a_name_that_leads_nowhere_serves_nothing() -> None:
    async with Channels(["nowhere.invalid:50051"]) as channels:
        assert await channels.health() == {"nowhere.invalid:50051": False}


async def test_a_call_is_one_log_line_with_its_request_id() -> None:
    async with scripted_process() as server, Channels([server.address]) as channels:
        requests = [
            pb.DiarizeRequest(config=pb.DiarizationConfig(engine="echo")),
            pb.DiarizeRequest(finish=audio_pb2.Finish()),
        ]
        call = pb_grpc.DiarizationServiceStub(channels.channel).Diarize(
            iter(requests), metadata=(("x-request-id", "abc-1"),), timeout=30
        )
        assert len([event async for event in call]) == 2
        line = await server.logged("rpc")
    assert line["method"] == f"{SERVICE}/Diarize"
    assert (line["code"], line["request_id"], line["level"]) == ("OK", "abc-1", "info")
    assert line["seconds"] >= 0
