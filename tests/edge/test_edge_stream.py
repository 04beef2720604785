"""WS /v1/stream in both dialects: a real edge and real sockets before scripted services."""

import asyncio
import json

import aiohttp

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
