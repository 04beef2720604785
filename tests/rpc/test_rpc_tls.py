"""TLS both ways, with certificates made by openssl."""

from pathlib import Path

import pytest
from speech.v1 import diarization_pb2 as pb
from speech.v1 import diarization_pb2_grpc as pb_grpc

from rpc.client import Channels, service_errors
from rpc.errors import Unavailable
from rpc.server import running_server
from rpc.settings import ChannelSettings, ServerSettings
from tests.certificates import authority, signed
from tests.scripted_service import Scripted

pytestmark = pytest.mark.system("openssl")


async def called(address: str, settings: ChannelSettings) -> None:
    async with Channels([address], settings=settings) as channels:
        with service_errors():
            await pb_grpc.DiarizationServiceStub(channels.channel).GetRuntime(
                pb.DiarizationServiceGetRuntimeRequest(), timeout=30
            )


async def test_both_sides_must_be_signed(tmp_path: Path) -> None:
    ours, theirs = authority(tmp_path, "ours"), authority(tmp_path, "theirs")
    certificate, key = signed(tmp_path, "server", by="ours")
    own, own_key = signed(tmp_path, "client", by="ours")
    foreign, foreign_key = signed(tmp_path, "foreign", by="theirs")
    server = ServerSettings(tls_certificate=certificate, tls_key=key, tls_authority=ours)
    async with running_server(Scripted().register, settings=server) as address:
        trusting = ChannelSettings(tls_authority=ours, tls_server_name="verbatim")
        await called(address, trusting.model_copy(update={"tls_certificate": own, "tls_key": own_key}))
        for refused in (
            ChannelSettings(),
            trusting,
            trusting.model_copy(update={"tls_certificate": foreign, "tls_key": foreign_key}),
            trusting.model_copy(update={"tls_authority": theirs, "tls_certificate": own, "tls_key": own_key}),
            trusting.model_copy(update={"tls_server_name": "other", "tls_certificate": own, "tls_key": own_key}),
        ):
            with pytest.raises(Unavailable):
                await called(address, refused)
