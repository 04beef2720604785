"""Live streams through a real gRPC server, with the scripted engine."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from speech.v1 import audio_pb2
from speech.v1 import transcription_pb2 as pb

from inference.types import SAMPLE_RATE, Pcm
from rpc.errors import Unavailable, from_rpc_error
from tests.scripted_transcription import FILE, LIVE, Office, converse, office, requests, segments, speech, text

TALK = speech((0.5, 3.0), (4.0, 6.0), (7.0, 9.5), seconds=11.0)
PATIENCE = 60


def chunk(pcm: Pcm) -> pb.TranscribeRequest:
    return pb.TranscribeRequest(audio=audio_pb2.AudioChunk(data=pcm.tobytes()))


class Call:
    """A live stream that is led step by step: what is sent next depends on what came back."""

    def __init__(self, place: Office, **config: Any) -> None:
        self._outbound: asyncio.Queue[pb.TranscribeRequest | None] = asyncio.Queue()
        self._outbound.put_nowait(pb.TranscribeRequest(config=pb.TranscriptionConfig(mode=LIVE, **config)))
        self.rpc = place.stub.Transcribe(self._requests())
        self.seen: list[pb.TranscribeResponse] = []

    def send(self, pcm: Pcm, *, size: int = 1600) -> None:
        for at in range(0, len(pcm), size):
            self._outbound.put_nowait(chunk(pcm[at : at + size]))

    def say(self, **payload: Any) -> None:
        self._outbound.put_nowait(pb.TranscribeRequest(**payload))

    def finish(self) -> None:
        self.say(finish=audio_pb2.Finish())
        self._outbound.put_nowait(None)

    async def until(self, kind: str) -> pb.TranscribeResponse:
        """Read on to the next event of a kind."""
        async with asyncio.timeout(PATIENCE):
            async for response in self.rpc:
                self.seen.append(response)
                if response.WhichOneof("event") == kind:
                    return response
        raise AssertionError(f"the stream ended without {kind}")

    async def _requests(self) -> AsyncIterator[pb.TranscribeRequest]:
        while (request := await self._outbound.get()) is not None:
            yield request


async def test_finals_are_those_of_the_recording() -> None:
    async with office() as place:
        live = await converse(place.stub, requests(TALK, chunk=3200, mode=LIVE))
        file = await converse(place.stub, requests(TALK, mode=FILE))
    assert text(live) == text(file)
    assert len(segments(live)) == 3


async def test_words_come_before_the_speech_ends_and_the_final_when_it_did() -> None:
    async with office() as place:
        call = Call(place)
        call.send(speech((0.2, 2.0), seconds=2.0))
        interim = (await call.until("interim")).interim
        assert interim.text.startswith("w")
        assert interim.end <= 2.0
        assert 0 <= interim.stable_characters <= len(interim.text)
        assert not segments(call.seen)
        call.send(np.zeros(SAMPLE_RATE, np.int16))
        segment = (await call.until("segment")).segment
        assert segment.text == "w0 w1 w2 w3"
        call.finish()
        done = (await call.until("done")).done
        assert done.usage.audio_seconds == pytest.approx(3.0)


async def test_no_interims_where_none_are_wanted() -> None:
    async with office() as place:
        responses = await converse(place.stub, requests(TALK, chunk=3200, mode=LIVE, interim_results=False))
    assert not any(response.HasField("interim") for response in responses)
    assert len(segments(responses)) == 3


async def test_an_interim_holds_only_what_no_segment_covers() -> None:
    async with office() as place:
        call = Call(place)
        call.send(speech((0.0, 2.0), (3.0, 5.0), seconds=5.0))
        await call.until("segment")
        shown = (await call.until("interim")).interim
        while not shown.text:
            shown = (await call.until("interim")).interim
        assert "w0" not in shown.text.split()
        call.rpc.cancel()


async def test_a_flush_ends_the_utterance_now() -> None:
    async with office() as place:
        call = Call(place)
        call.send(speech((0.0, 2.0), seconds=2.0))
        call.say(flush=audio_pb2.Flush())
        first = (await call.until("segment")).segment
        call.send(speech((0.0, 1.0), seconds=1.0))
        call.finish()
        await call.until("done")
    assert first.text == "w0 w1 w2 w3"
    assert text(call.seen) == "w0 w1 w2 w3 w4 w5"


async def test_the_silence_that_ends_an_utterance_can_be_chosen() -> None:
    gaps = speech((0.5, 2.0), (2.8, 4.0), seconds=5.5)
    async with office() as place:
        short = await converse(
            place.stub, requests(gaps, mode=LIVE, endpointing=pb.EndpointingConfig(silence_milliseconds=300))
        )
        long = await converse(
            place.stub, requests(gaps, mode=LIVE, endpointing=pb.EndpointingConfig(silence_milliseconds=1500))
        )
    assert (len(segments(short)), len(segments(long))) == (2, 1)


async def test_an_utterance_without_end_is_cut_and_loses_nothing() -> None:
    async with office() as place:
        responses = await converse(place.stub, requests(speech((0.5, 70.0), seconds=71.0), mode=LIVE))
    assert len(segments(responses)) >= 4
    assert text(responses).split() == [f"w{number}" for number in range(1, 140)]


async def test_progress_tells_what_need_not_be_sent_again() -> None:
    async with office() as place:
        responses = await converse(place.stub, requests(TALK, chunk=3200, mode=LIVE))
    processed = [response.progress.processed_seconds for response in responses if response.HasField("progress")]
    assert processed == sorted(processed)
    final = 0.0
    for response in responses:
        if response.HasField("segment"):
            final = response.segment.end
        if response.HasField("progress") and response.progress.processed_seconds > 0.5:
            assert response.progress.processed_seconds <= response.progress.received_seconds
            if 0.6 < response.progress.processed_seconds < 3.0:
                assert final >= 3.0


async def test_a_drain_says_from_where_another_must_take_over() -> None:
    async with office() as place:
        call = Call(place)
        call.send(speech((0.0, 2.0), (3.0, 4.0), seconds=4.0))
        await call.until("segment")
        place.parts.sessions.drain()
        call.send(speech((0.0, 1.0), seconds=1.0))
        draining = (await call.until("draining")).draining
        done = (await call.until("done")).done
        assert 2.0 <= draining.processed_seconds <= 3.0
        assert done.usage.audio_seconds <= 4.0
        assert text(call.seen) == "w0 w1 w2 w3"
        call.rpc.cancel()


async def test_a_stream_that_cannot_be_kept_up_with_ends_with_a_reason() -> None:
    script = {"delay_seconds": 1.5, "workers": 1, "max_batch": 1}
    async with office(script, live_lag_seconds=0.5) as place:
        call = Call(place)
        call.send(speech((0.0, 1.0), seconds=2.0))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            async with asyncio.timeout(PATIENCE):
                while True:
                    call.send(np.zeros(1600, np.int16))
                    await asyncio.sleep(0.1)  # the pace of speech
                    if call.rpc.done():
                        await call.until("done")
    error = from_rpc_error(failed.value)
    assert isinstance(error, Unavailable)
    assert error.reason == "lagging"


async def test_drafts_are_skipped_and_finals_kept_where_the_machine_is_slow() -> None:
    script = {"delay_seconds": 0.4, "workers": 1, "max_batch": 8}
    async with office(script) as place:
        streams = [converse(place.stub, requests(TALK, chunk=3200, mode=LIVE)) for _ in range(4)]
        everything = await asyncio.gather(*streams)
    for responses in everything:
        assert text(responses) == text(everything[0])
        assert len(segments(responses)) == 3
