"""The service through a real gRPC server, with the scripted engine."""

import asyncio
import io
import itertools
import wave

import grpc
import pytest
from speech.v1 import audio_pb2
from speech.v1 import transcription_pb2 as pb

from rpc.errors import Aborted, InvalidArgument, ServiceError, Unavailable, from_rpc_error
from tests.scripted_transcription import FILE, LIVE, Office, converse, office, requests, said, segments, speech, text

TALK = speech((1.0, 4.0), (4.5, 9.0), (12.0, 20.0), (20.4, 41.0), (50.0, 52.5), seconds=56.0)
SHORT = speech((0.5, 2.0), seconds=3.0)


async def refusal(place: Office, messages: list[pb.TranscribeRequest]) -> ServiceError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await converse(place.stub, messages)
    return from_rpc_error(failed.value)


async def test_a_recording_is_transcribed_from_ready_to_done() -> None:
    async with office() as place:
        responses = await converse(place.stub, requests(TALK))
    kinds = [response.WhichOneof("event") for response in responses]
    assert kinds[0] == "ready"
    assert kinds[-1] == "done"
    assert [response.sequence for response in responses] == list(range(1, len(responses) + 1))
    assert {"speech_started", "speech_ended", "language_detected", "segment", "progress"} <= set(kinds)
    done = responses[-1].done
    assert done.usage.audio_seconds == pytest.approx(56.0)
    assert 38.0 <= done.usage.speech_seconds <= 41.0
    assert (done.language, done.served_by) == ("en", "large-v3-turbo")
    times = [time for segment in segments(responses) for word in segment.words for time in (word.start, word.end)]
    assert all(0.0 <= time <= 56.0 for time in times)
    starts = [segment.start for segment in segments(responses)]
    assert starts == sorted(starts)
    for before, after in itertools.pairwise(segments(responses)):
        assert before.end <= after.start


@pytest.mark.parametrize("mode", [FILE, LIVE])
async def test_chunks_carry_no_meaning(mode: int) -> None:
    short = speech((0.2, 0.7), (1.4, 1.9), seconds=2.0)
    async with office() as place:
        whole = said(await converse(place.stub, requests(short, chunk=262_144, mode=mode)))
        for chunk in (7, 1001, 32_768):
            assert said(await converse(place.stub, requests(short, chunk=chunk, mode=mode))) == whole


async def test_many_streams_at_once_say_the_same_as_one_by_one() -> None:
    talks = [speech((0.2 * number, 2.0 + number), seconds=3.0 + 2 * number) for number in range(1, 9)]
    async with office({"delay_seconds": 0.01}) as place:
        alone = [text(await converse(place.stub, requests(talk))) for talk in talks]
        together = await asyncio.gather(*(converse(place.stub, requests(talk)) for talk in talks))
        scheduler = place.parts.pool.loaded[0].scheduler
        assert (scheduler.queued_seconds, scheduler.slots_in_use) == (0.0, 0)
    assert [text(responses) for responses in together] == alone
    assert len(set(alone)) == len(talks)


@pytest.mark.parametrize("mode", [FILE, LIVE])
async def test_silence_has_no_words(mode: int) -> None:
    async with office() as place:
        responses = await converse(place.stub, requests(speech(seconds=8.0), mode=mode))
    assert list(said(responses)) == ["ready", "done"]
    assert responses[-1].done.language == ""


async def test_an_empty_stream_is_done_at_once() -> None:
    async with office() as place:
        responses = await converse(place.stub, requests(b""))
    assert [response.WhichOneof("event") for response in responses] == ["ready", "done"]


async def test_the_language_asked_for_is_used_and_not_detected() -> None:
    async with office({"language": "de"}) as place:
        asked = await converse(place.stub, requests(TALK, language="fr"))
        found = await converse(place.stub, requests(TALK))
    assert {segment.language for segment in segments(asked)} == {"fr"}
    assert not any(response.HasField("language_detected") for response in asked)
    assert {segment.language for segment in segments(found)} == {"de"}
    assert [response.language_detected.language for response in found if response.HasField("language_detected")] == [
        "de"
    ]


async def test_words_only_where_wanted() -> None:
    async with office() as place:
        responses = await converse(place.stub, requests(SHORT, word_timestamps=False))
    assert [len(segment.words) for segment in segments(responses)] == [0]


async def test_what_is_dropped_is_said() -> None:
    async with office({"drop_between": [[0.0, 1.0]]}) as place:
        responses = await converse(place.stub, requests(SHORT))
    assert text(responses) == "w2 w3"
    assert [dropped.reason for dropped in responses[-1].done.dropped] == ["no_speech"]


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (audio_pb2.AudioFormat(sample_rate_hertz=8000), SHORT[::2].tobytes()),
        (audio_pb2.AudioFormat(sample_rate_hertz=48_000), SHORT.repeat(3).tobytes()),
        (audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_MULAW), bytes(8000) + bytes([0, 128] * 12_000)),
    ],
)
async def test_other_forms_of_audio(form: audio_pb2.AudioFormat, data: bytes) -> None:
    async with office() as place:
        responses = await converse(place.stub, requests(data, form=form))
    assert text(responses).startswith("w")
    assert responses[-1].done.usage.audio_seconds == pytest.approx(3.0, abs=1.1)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (requests(SHORT, model="gigantic"), "unknown_model"),
        (requests(SHORT, language="klingon"), "unknown_language"),
        (requests(SHORT, hotwords=["x" * 101]), "bad_config"),
        (requests(SHORT, form=audio_pb2.AudioFormat(sample_rate_hertz=4000)), "bad_config"),
        (
            requests(SHORT, mode=LIVE, form=audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_CONTAINER)),
            "bad_config",
        ),
        ([requests(SHORT)[0], requests(SHORT)[2]], "audio_gap"),
        (requests(SHORT)[1:2], "config_first"),
        (requests(SHORT)[:1] * 2, "config_twice"),
        (
            requests(b"no music", form=audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_CONTAINER)),
            "unreadable_media",
        ),
    ],
)
async def test_what_is_wrong_is_refused_by_name(messages: list[pb.TranscribeRequest], reason: str) -> None:
    async with office() as place:
        error = await refusal(place, messages)
        assert isinstance(error, InvalidArgument)
        assert error.reason == reason
        assert text(await converse(place.stub, requests(SHORT))) == "w1 w2 w3"


async def test_a_stream_without_finish_is_an_abort() -> None:
    async with office() as place:
        error = await refusal(place, requests(SHORT, finish=False))
        assert isinstance(error, Aborted)


async def test_a_window_that_fails_fails_its_own_stream_only() -> None:
    apart = speech((6.0, 8.0), seconds=9.0)
    async with office({"fail_between": [[0.05, 3.0]], "delay_seconds": 0.02}) as place:
        broken, sound = await asyncio.gather(
            converse(place.stub, requests(SHORT)), converse(place.stub, requests(apart)), return_exceptions=True
        )
    assert isinstance(broken, grpc.aio.AioRpcError)
    assert broken.code() is grpc.StatusCode.INTERNAL
    assert isinstance(sound, list)
    assert text(sound) == "w12 w13 w14 w15"


async def test_a_flush_makes_final_what_was_said_so_far() -> None:
    talk = requests(speech((0.5, 8.0), seconds=8.0), chunk=128_000, mode=FILE)
    flush = pb.TranscribeRequest(flush=audio_pb2.Flush())
    async with office() as place:
        responses = await converse(place.stub, [talk[0], talk[1], flush, *talk[2:]])
    assert len(segments(responses)) == 2
    assert text(responses).split() == [f"w{number}" for number in range(1, 16)]


async def test_a_cancelled_stream_leaves_the_queue_at_once() -> None:
    async with office({"delay_seconds": 2.0, "workers": 1, "max_batch": 1}) as place:
        call = place.stub.Transcribe(iter(requests(TALK, language="en")))
        scheduler = place.parts.pool.loaded[0].scheduler
        async with asyncio.timeout(60):
            while not (scheduler.slots_in_use and scheduler.queued_seconds):
                await asyncio.sleep(0.01)
            call.cancel()
            while scheduler.queued_seconds or place.parts.sessions.open:
                await asyncio.sleep(0.01)


async def test_past_the_bound_of_the_queue_new_streams_are_told_when_to_come_back() -> None:
    async with office({"delay_seconds": 2.0, "workers": 1, "max_batch": 1}, queue_seconds=20.0) as place:
        call = place.stub.Transcribe(iter(requests(TALK, language="en")))
        scheduler = place.parts.pool.loaded[0].scheduler
        async with asyncio.timeout(60):
            while scheduler.queued_seconds < 20.0:
                await asyncio.sleep(0.01)
        error = await refusal(place, requests(SHORT))
        assert isinstance(error, Unavailable)
        assert error.reason == "overloaded"
        assert error.retry_after is not None
        assert error.retry_after >= 1.0
        call.cancel()


async def test_health_is_lost_while_the_oldest_window_waits_too_long() -> None:
    async def until(serving: bool) -> None:
        async with asyncio.timeout(60):
            while place.parts.health.serving("speech.v1.TranscriptionService") is not serving:
                await asyncio.sleep(0.01)

    script = {"delay_seconds": 1.0, "workers": 1, "max_batch": 1}
    async with office(script, queue_age_seconds=0.2, watchdog_seconds=0.05) as place:
        await until(True)
        call = place.stub.Transcribe(iter(requests(TALK, language="en")))
        await until(False)
        assert place.parts.health.serving("large-v3-turbo") is False
        assert place.parts.health.serving("small") is True
        call.cancel()
        await until(True)


async def test_a_container_is_decoded_by_its_content() -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(SHORT.tobytes())
    form = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_CONTAINER)
    async with office() as place:
        bare = await converse(place.stub, requests(SHORT))
        packed = await converse(place.stub, requests(buffer.getvalue(), chunk=9999, form=form))
    assert said(packed) == said(bare)


async def test_models_languages_and_runtime_tell_the_truth() -> None:
    async with office() as place:
        models = (await place.stub.ListModels(pb.ListModelsRequest())).models
        languages = (await place.stub.ListLanguages(pb.ListLanguagesRequest())).languages
        runtime = await place.stub.GetRuntime(pb.TranscriptionServiceGetRuntimeRequest())
    assert [model.id for model in models] == ["large-v3-turbo", "large-v3", "medium", "small", "base"]
    assert [model.loaded for model in models] == [True, False, False, False, False]
    assert len(languages) == 100
    assert (languages[0].code, languages[0].name) == ("en", "english")
    assert {language.code for language in languages} >= {"yue", "jw", "haw"}
    assert [accelerator.kind for accelerator in runtime.accelerators] == ["cpu"]
    assert (runtime.load.slots, runtime.load.slots_in_use, runtime.load.streams) == (2, 0, 0)
