"""WS /v1/stream in both dialects: a real edge and real sockets before scripted services."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from edge.policy import Admission, Kind, Policy, Principal
from edge.policy.errors import PaymentRequired, TooManyRequests
from edge.policy.unlimited import OpenAdmission, Unlimited
from tests.scripted_edge import scripted_edge
from tests.scripted_speech import spoken, written
from tests.ws_streams import CONFIG, in_frames, streaming, text_of


async def test_the_pages_dialect() -> None:
    async with scripted_edge() as edge, streaming(edge) as stream:
        ready = await stream.ready()
        assert ready["model"] == "scripted"
        for frame in in_frames(spoken(list(range(1, 11)))):
            await stream.ws.send_bytes(frame)
        await stream.ws.send_json({"action": "stop"})
        last = await stream.until(lambda message: message.get("is_final") is True)
        assert (last["text"], last["partial"], last["duration"], last["language"]) == ("", "", 5.0, "en")
        assert await stream.closed() == 1000
        assert stream.text == text_of(range(1, 11))
        assert [message["start"] for message in stream.finals] == [0.0, 2.0, 4.0]
        assert stream.finals[0]["words"][0]["word"] == "w1"
        assert "speaker" not in stream.finals[0]
        partials = [message["partial"] for message in stream.messages if message["partial"]]
        assert "w1 w2" in partials
        config = edge.transcription.configs[0]
        assert (config.mode, config.language, config.interim_results) == (2, "en", True)


async def test_the_partial_is_only_what_is_in_no_text() -> None:
    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ready()
        await stream.ws.send_bytes(spoken(list(range(1, 21))))
        await stream.ws.send_json({"action": "stop"})
        await stream.closed()
        said: list[str] = []
        for message in stream.messages:
            said += message["text"].split()
            assert not set(message["partial"].split()) & set(said)


async def test_the_vendors_dialect() -> None:
    async with scripted_edge() as edge, streaming(edge, "?model=small&language=auto&token=KEY") as stream:
        for frame in in_frames(spoken([1, 2, 3, 4, 5, 6])):
            await stream.ws.send_bytes(frame)
        await stream.ws.send_bytes(b"")
        last = await stream.until(lambda message: message.get("final") is True)
        assert last["text"] == text_of([1, 2, 3, 4, 5, 6])
        assert last["is_final"] is True
        assert await stream.closed() == 1000
        assert edge.transcription.configs[0].model == "small"


async def test_audio_first_is_the_vendors_dialect_too() -> None:
    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ws.send_bytes(spoken([1]))
        await stream.ws.send_bytes(b"")
        assert (await stream.until(lambda message: "final" in message))["text"] == "w1"


async def test_a_key_in_the_query_and_a_config_are_the_pages_dialect() -> None:
    async with scripted_edge() as edge, streaming(edge, "?token=KEY") as stream:
        await stream.ready()
        await stream.ws.send_bytes(spoken([1]))
        await stream.ws.send_bytes(b"")
        await stream.ws.send_json({"action": "stop"})
        last = await stream.until(lambda message: message.get("is_final") is True)
        assert "final" not in last


async def test_frames_of_any_size_give_the_same() -> None:
    async with scripted_edge() as edge:
        for size in (7, 4096, 200_000):
            async with streaming(edge) as stream:
                await stream.ready(json.dumps({"interim": False}))
                for frame in in_frames(spoken([1, 2, 3] if size == 7 else list(range(1, 21))), size):
                    await stream.ws.send_bytes(frame)
                await stream.ws.send_json({"action": "stop"})
                await stream.closed()
                assert stream.text == text_of([1, 2, 3] if size == 7 else range(1, 21))
                assert not any(message["partial"] for message in stream.messages)


async def test_other_rates_and_encodings() -> None:
    async with scripted_edge() as edge:
        for config, audio in (
            ({"sample_rate": 8000, "encoding": "mulaw"}, b"\xff" * 8000),
            ({"sample_rate": 48000}, b"\x00" * 96_000),
        ):
            async with streaming(edge) as stream:
                await stream.ready(json.dumps(config))
                for frame in in_frames(audio, 999):
                    await stream.ws.send_bytes(frame)
                await stream.ws.send_json({"action": "stop"})
                last = await stream.until(lambda message: message.get("is_final") is True)
                assert abs(last["duration"] - 1.0) < 0.01


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


async def test_faster_than_real_time_is_held_back() -> None:
    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ready(json.dumps({"interim": False}))
        edge.transcription.frozen = asyncio.Event()
        numbers = list(range(1, 401))

        async def send() -> None:
            for frame in in_frames(spoken(numbers), 64_000):
                await stream.ws.send_bytes(frame)

        sending = asyncio.create_task(send())
        # The edge reads a few seconds ahead of the service; the rest waits in the sockets or with the client.
        (session,) = edge.edge.sessions
        before = -1.0
        while session._ring.received != before:
            before = session._ring.received
            await asyncio.sleep(0.5)
        assert session._ring.received < 40
        edge.transcription.frozen.set()
        await sending
        await stream.ws.send_json({"action": "stop"})
        assert await stream.closed() == 1000
        assert stream.text == text_of(numbers)


async def test_pings_and_a_client_that_is_held_back_longer_than_they_wait() -> None:
    async with scripted_edge(stream_ping_seconds=0.1) as edge:
        async with edge.http.ws_connect(f"{edge.url}/v1/stream", autoping=False) as ws:
            await ws.send_str(CONFIG)
            async with asyncio.timeout(60):
                while (await ws.receive()).type is not aiohttp.WSMsgType.PING:
                    pass
        async with streaming(edge) as stream:
            await stream.ready(json.dumps({"interim": False}))
            edge.transcription.frozen = asyncio.Event()
            numbers = list(range(1, 101))
            sending = asyncio.create_task(stream.ws.send_bytes(spoken(numbers)[:1_000_000]))
            await asyncio.sleep(1.0)
            edge.transcription.frozen.set()
            await sending
            await stream.ws.send_bytes(spoken(numbers)[1_000_000:])
            await stream.ws.send_json({"action": "stop"})
            assert await stream.closed() == 1000
            assert stream.text == text_of(numbers)


async def test_live_speakers_and_corrections() -> None:
    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ready(json.dumps({"diarize": True, "speakers": 2}))
        edge.diarization.hold = asyncio.Event()
        await stream.ws.send_bytes(spoken(list(range(1, 5))))
        await stream.until(lambda message: message["text"] != "")
        assert "speaker" not in stream.finals[0]
        edge.diarization.hold.set()
        corrected = await stream.until(lambda message: "corrections" in message)
        assert corrected["corrections"] == [{"start": 0.0, "end": 2.0, "speaker": "Speaker 1", "text": "w1 w2 w3 w4"}]
        for frame in in_frames(spoken(list(range(5, 21)))):
            await stream.ws.send_bytes(frame)
        await stream.ws.send_json({"action": "stop"})
        assert await stream.closed() == 1000
        assert stream.text == text_of(range(1, 21))
        labels: dict[str, str] = {}
        for message in stream.messages:
            if "speaker" in message:
                labels |= dict.fromkeys(message["text"].split(), message["speaker"])
            for row in message.get("corrections", ()):
                labels |= dict.fromkeys(row["text"].split(), row["speaker"])
        assert labels == {written(n): f"Speaker {1 if n <= 10 else 2}" for n in range(1, 21)}
        assert edge.diarization.configs[0].speakers == 2


async def test_text_goes_on_when_speakers_cannot() -> None:
    async with scripted_edge(diarization=False) as edge, streaming(edge) as stream:
        await stream.ready(json.dumps({"diarize": True}))
        await stream.ws.send_bytes(spoken([1, 2, 3, 4]))
        await stream.ws.send_json({"action": "stop"})
        assert await stream.closed() == 1000
        assert stream.text == text_of([1, 2, 3, 4])
        assert any(message.get("diarization") == "unavailable" for message in stream.messages)


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


class Purse(Unlimited):
    """Holds seconds, and says what was charged."""

    def __init__(self, seconds: float, *, refusal: Exception | None = None) -> None:
        super().__init__()
        self.seconds = seconds
        self.refusal = refusal
        self.charged: list[float] = []
        self.held = 0.0

    def admit(self, principal: Principal, *, kind: Kind, request_id: str) -> Any:
        return self._let_in(kind)

    @contextlib.asynccontextmanager
    async def _let_in(self, kind: Kind) -> AsyncIterator[Admission]:
        assert kind == "stream"
        if self.refusal is not None:
            raise self.refusal
        yield PurseAdmission(self)


class PurseAdmission(OpenAdmission):
    def __init__(self, purse: Purse) -> None:
        super().__init__(1 << 30)
        self.purse = purse

    async def hold(self, seconds: float) -> None:
        if seconds > self.purse.seconds:
            raise PaymentRequired("No credits remaining. Upgrade your plan.")
        self.purse.held = seconds

    async def settle(self, seconds: float) -> None:
        self.purse.charged.append(seconds)


async def test_a_stream_is_charged_once_for_what_was_received() -> None:
    purse = Purse(60)
    async with scripted_edge(policy=purse) as edge:
        async with streaming(edge) as stream:
            await stream.ready()
            await stream.ws.send_bytes(spoken([1, 2, 3]))
            await stream.ws.send_json({"action": "stop"})
            assert await stream.closed() == 1000
        assert (purse.charged, purse.held) == ([1.5], 60.0)
        async with streaming(edge) as stream:
            await stream.ready()
            await stream.ws.send_bytes(spoken([1, 2, 3, 4]))
            await stream.until(lambda message: message["text"] != "")
        async with asyncio.timeout(30):
            while len(purse.charged) < 2:
                await asyncio.sleep(0.01)
        assert purse.charged == [1.5, 2.0]
        async with streaming(edge) as stream:
            await stream.ready()
            edge.transcription.failure = lambda: ValueError("ours")  # type: ignore[assignment,return-value]
            await stream.ws.send_bytes(spoken([1]))
            assert await stream.closed() == 1011
        assert purse.charged == [1.5, 2.0]


async def test_an_empty_purse_ends_the_stream_with_its_finals() -> None:
    async with scripted_edge(policy=Purse(60)) as edge, streaming(edge) as stream:
        await stream.ready(json.dumps({"interim": False}))
        for frame in in_frames(spoken([1] * 119), 160_000):
            await stream.ws.send_bytes(frame)
        await stream.ws.send_bytes(spoken([1, 1, 1]))
        assert await stream.closed() == 4402
        assert stream.messages[-1]["code"] == "no_credits"
        assert len(stream.text.split()) == 119
    async with scripted_edge(policy=Purse(0)) as edge, streaming(edge) as stream:
        await stream.ws.send_str(CONFIG)
        assert await stream.closed() == 4402
        assert edge.transcription.configs == []


async def test_too_many_streams() -> None:
    policy: Policy = Purse(0, refusal=TooManyRequests("One at a time.", retry_after=3, code="too_many_concurrent"))
    async with scripted_edge(policy=policy) as edge:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await edge.http.ws_connect(f"{edge.url}/v1/stream")
        assert caught.value.status == 429
        assert caught.value.headers is not None
        assert caught.value.headers["Retry-After"] == "3"
        async with streaming(edge, Origin="https://page.example") as stream:
            assert await stream.closed() == 4429


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
