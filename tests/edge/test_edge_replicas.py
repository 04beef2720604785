"""Replicas that die, freeze, drain and refuse under live streams and recordings: no word lost, none doubled."""

import asyncio
import json
import signal
from contextlib import AsyncExitStack

import pytest

from edge.replicas import FRESH_SECONDS
from rpc.errors import Overloaded, Unavailable
from tests.scripted_edge import EdgeUnderTest, form, scripted_edge, serving
from tests.scripted_replica import replica
from tests.scripted_speech import TRANSCRIPTION, ScriptedTranscription, spoken, wav
from tests.ws_streams import Stream, in_frames, streaming, text_of

NUMBERS = list(range(1, 41))


async def sent_in_real_order(stream: Stream, numbers: list[int]) -> None:
    for frame in in_frames(spoken(numbers), 4000):
        await stream.ws.send_bytes(frame)


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP], ids=["killed", "drained", "frozen"]
)
async def test_a_stream_outlives_its_replica(number: signal.Signals) -> None:
    async with replica() as first, replica() as second:
        fast = {"keepalive_seconds": 0.5, "keepalive_timeout_seconds": 0.5, "connect_seconds": 0.5}
        async with (
            scripted_edge(transcription_addresses=(first.address, second.address), channel=fast) as edge,
            streaming(edge) as stream,
        ):
            ready = await stream.ready()
            serving_now = first if ready["model"].endswith(first.address.split(":")[1]) else second
            # Ten words are final or on their way when the replica goes, in the middle of a segment.
            await sent_in_real_order(stream, NUMBERS[:10])
            await stream.until(lambda message: message["partial"] == "w9 w10.")
            serving_now.signal(number)
            await sent_in_real_order(stream, NUMBERS[10:])
            await stream.ws.send_json({"action": "stop"})
            assert await stream.closed() == 1000
            assert stream.text == text_of(NUMBERS)
            starts = [word["start"] for final in stream.finals for word in final["words"]]
            assert starts == [round(0.05 + 0.5 * i, 3) for i in range(40)]
            assert sum(message.get("status") == "ready" for message in stream.messages) == 1
            if number is signal.SIGSTOP:
                serving_now.signal(signal.SIGCONT)


async def _posted(edge: EdgeUnderTest) -> str:
    async with edge.http.post(f"{edge.url}/v1/transcribe", data=form(wav(spoken(NUMBERS)))) as response:
        answer = await response.json()
        assert response.status == 200, answer
        return str(answer["text"])


async def test_a_recording_moves_when_a_replica_fails_in_the_middle() -> None:
    failing, sound = ScriptedTranscription(served_by="failing"), ScriptedTranscription(served_by="sound")
    failing.failure_after = 5
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(serving(failing, TRANSCRIPTION))
        two = await stack.enter_async_context(serving(sound, TRANSCRIPTION))
        edge = await stack.enter_async_context(scripted_edge(transcription_addresses=(one, two)))
        for _ in range(2):
            assert await _posted(edge) == text_of(NUMBERS)
        assert failing.configs
        assert sound.configs


async def test_any_number_of_replicas_gives_the_same_transcript() -> None:
    spoken_and_silent = [number if number % 7 else 0 for number in range(1, 61)]
    answers = []
    for count in (1, 2, 3):
        replicas = [ScriptedTranscription() for _ in range(count)]
        async with AsyncExitStack() as stack:
            addresses = [await stack.enter_async_context(serving(each, TRANSCRIPTION)) for each in replicas]
            edge = await stack.enter_async_context(
                scripted_edge(transcription_addresses=tuple(addresses), spread_seconds=0)
            )
            async with edge.http.post(
                f"{edge.url}/v1/transcribe", data=form(wav(spoken(spoken_and_silent)), diarize="false")
            ) as response:
                answers.append(await response.json())
        assert all(each.configs for each in replicas)
        if count > 1:
            windows = sum(config.HasField("window") for each in replicas for config in each.configs)
            assert windows == len(answers[-1]["segments"])
            assert sum(config.plan_only for each in replicas for config in each.configs) == 1
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["text"] == text_of([number for number in spoken_and_silent if number])


async def test_a_full_replica_is_passed_over() -> None:
    full, free = ScriptedTranscription(), ScriptedTranscription()
    full.refusal = lambda: Overloaded("full", retry_after=9)
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(serving(each, TRANSCRIPTION)) for each in (full, free)]
        edge = await stack.enter_async_context(
            scripted_edge(transcription_addresses=tuple(addresses), room_seconds=0.0)
        )
        for _ in range(4):
            assert await _posted(edge) == text_of(NUMBERS)
        assert len(free.configs) == 4
        free.refusal = full.refusal
        async with edge.http.post(f"{edge.url}/v1/transcribe", data=form(wav(spoken(NUMBERS)))) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "9")


async def test_a_recording_that_has_come_waits_for_room() -> None:
    async with scripted_edge() as edge:
        tries = 0

        def refusal() -> Overloaded:
            nonlocal tries
            tries += 1
            if tries == 2:
                edge.transcription.refusal = None
            return Overloaded("full", retry_after=0.1)

        edge.transcription.refusal = refusal
        assert await _posted(edge) == text_of(NUMBERS)
        assert tries == 2


async def test_a_load_past_its_bound_is_refused_before_the_body() -> None:
    async with scripted_edge() as edge:
        edge.transcription.load.queued = 100
        edge.transcription.load.queue_limit = 100
        edge.transcription.load.queue_delay_seconds = 423.0
        async with edge.http.post(f"{edge.url}/v1/transcribe", data=form(wav(spoken(NUMBERS)))) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "42")
            assert (await response.json())["code"] == "overloaded"
        assert edge.transcription.configs == []
        # That there is no room is believed for two looks; then one is taken before anybody is refused.
        edge.transcription.load.queued = 0
        await asyncio.sleep(2 * FRESH_SECONDS + 0.1)
        assert await _posted(edge) == text_of(NUMBERS)


async def test_a_stream_that_no_replica_can_keep_up_with_ends() -> None:
    class Lagging(Unavailable):
        reason = "lagging"

    async with scripted_edge() as edge, streaming(edge) as stream:
        await stream.ready(json.dumps({}))
        edge.transcription.failure = lambda: Lagging("finals are 20 s behind")
        await stream.ws.send_bytes(spoken([1, 2]))
        assert await stream.closed() == 4503
        assert stream.messages[-1]["code"] == "lagging"


async def test_a_replica_that_is_gone_for_good_is_told() -> None:
    async with (
        replica() as only,
        scripted_edge(transcription_addresses=(only.address,)) as edge,
        streaming(edge) as stream,
    ):
        await stream.ready()
        await stream.ws.send_bytes(spoken([1, 2]))
        await stream.until(lambda message: message["partial"] == "w1 w2")
        only.signal(signal.SIGKILL)
        assert await stream.closed() == 4503
