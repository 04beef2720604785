"""Streams that are refused, go wrong or are cut off, before scripted services."""

import asyncio
import contextlib
import json
from typing import Any

import aiohttp
import pytest

from tests.scripted_edge import scripted_edge
from tests.scripted_speech import spoken
from tests.ws_streams import CONFIG, streaming


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"model": "huge"}, "unknown_model"),
        ({"language": "klingon"}, "unknown_language"),
        ({"sample_rate": 100}, "invalid_sample_rate"),
        ({"encoding": "mp3"}, "unknown_encoding"),
        ({"diarize": "maybe"}, "invalid_diarize"),
        ({"hotwords": 7}, "invalid_hotwords"),
        ({"model": 7}, "invalid_model"),
    ],
)
async def test_a_bad_config_is_a_4400(config: dict[str, Any], code: str) -> None:
    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ws.send_json(config)
        assert await stream.closed() == 4400
        assert stream.messages[-1]["code"] == code
        assert edge.transcription.configs == []


async def test_bad_json_and_unknown_actions_do_not_end_the_stream() -> None:
    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ws.send_str("{")
        assert (await stream.until(lambda message: "error" in message))["code"] == "invalid_json"
        await stream.ready()
        for text, code in (
            ("nonsense", "invalid_json"),
            ('{"action": "dance"}', "unknown_action"),
            ("[]", "invalid_json"),
        ):
            await stream.ws.send_str(text)
            assert (await stream.until(lambda message: "error" in message))["code"] == code
        await stream.ws.send_bytes(spoken([1]))
        await stream.ws.send_json({"action": "stop"})
        assert await stream.closed() == 1000
        assert stream.text == "w1"


async def test_a_frame_that_is_too_large() -> None:
    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ready()
        await stream.ws.send_bytes(b"\x00" * ((1 << 20) + 2))
        assert await stream.closed() == 4413
        assert stream.messages[-1]["code"] == "frame_too_large"
    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ready()
        with contextlib.suppress(ConnectionError):
            await stream.ws.send_bytes(b"\x00" * (5 << 20))
        # What is still on its way may reset the connection before the close is read.
        assert await stream.closed() in {1009, 1006}


async def test_silence_on_the_wire_ends_the_stream() -> None:
    async with scripted_edge(stream_idle_seconds=0.3) as edge:
        async with streaming(edge) as stream:
            await stream.ws.send_str(CONFIG)
            await stream.ws.send_bytes(spoken([1, 2]))
            assert await stream.closed() == 1000
            assert stream.text == "w1 w2"
            assert stream.messages[-1]["is_final"] is True
        async with streaming(edge) as stream:
            assert await stream.closed() == 1000


async def test_a_client_that_vanishes_frees_everything() -> None:
    async with scripted_edge() as edge:
        async with streaming(edge) as stream:
            await stream.ready(json.dumps({"diarize": True}))
            await stream.ws.send_bytes(spoken([1]))
            while not edge.diarization.open:
                await asyncio.sleep(0.01)
            assert stream.ws._response.connection is not None
            stream.ws._response.connection.transport.abort()  # type: ignore[union-attr]
        async with asyncio.timeout(30):
            while edge.transcription.open or edge.diarization.open or edge.edge.sessions:
                await asyncio.sleep(0.01)


async def test_before_the_upgrade_a_refusal_is_an_http_answer() -> None:
    async with scripted_edge(transcription=False) as edge:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await edge.http.ws_connect(f"{edge.url}/v1/stream")
        assert caught.value.status == 503
        # A browser cannot read that.
        async with streaming(edge, Origin="https://page.example") as stream:
            assert await stream.closed() == 4503
            assert stream.messages[-1]["code"] == "transcription_unavailable"
            assert stream.messages[-1]["retry_after"] > 0
    async with scripted_edge() as edge:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await edge.http.ws_connect(f"{edge.url}/v1/stream?model=huge")
        assert caught.value.status == 400
        async with edge.http.get(f"{edge.url}/v1/stream") as response:
            assert (response.status, (await response.json())["code"]) == (400, "websocket_expected")


async def test_a_subprotocol_with_a_key_is_answered() -> None:
    async with (
        scripted_edge() as edge,
        edge.http.ws_connect(f"{edge.url}/v1/stream", protocols=("bearer", "KEY")) as ws,
    ):
        assert ws.protocol == "bearer"


async def test_a_drain_makes_final_what_was_heard() -> None:
    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ready()
        await stream.ws.send_bytes(spoken([1, 2]))
        await stream.until(lambda message: message["partial"] == "w1 w2")
        for session in tuple(edge.edge.sessions):
            session.drain()
        assert await stream.closed() == 1001
        assert stream.text == "w1 w2"
        assert stream.messages[-1]["is_final"] is True
