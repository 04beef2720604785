"""POST /v1/transcribe from end to end: a real edge, a real decoder, scripted services."""

import asyncio
import json

import aiohttp
import pysubs2
import pytest

from rpc.errors import InvalidArgument, ResourceExhausted, ServiceError, Unavailable
from tests.scripted_edge import EdgeUnderTest, form, scripted_edge
from tests.scripted_speech import spoken, wav, written

TWENTY = list(range(1, 21))
RECORDING = wav(spoken(TWENTY))
WORDS = [written(number) for number in TWENTY]


async def post(edge: EdgeUnderTest, data: aiohttp.FormData, **headers: str) -> tuple[int, str, aiohttp.ClientResponse]:
    async with edge.http.post(f"{edge.url}/v1/transcribe", data=data, headers=headers) as response:
        return response.status, await response.text(), response


async def test_the_documented_answer() -> None:
    async with scripted_edge() as edge:
        status, text, response = await post(edge, form(RECORDING))
        assert status == 200, text
        answer = json.loads(text)
        assert answer["text"] == " ".join(WORDS)
        assert answer["language"] == "en"
        assert answer["duration"] == 10.0
        assert answer["speakers"] == ["Speaker 1", "Speaker 2"]
        words = [word for segment in answer["segments"] for word in segment["words"]]
        assert [word["punctuated_word"] for word in words] == WORDS
        assert words[9]["word"] == "w10"
        assert answer["segments"][0] | {"words": []} == {
            "start": 0.0,
            "end": 2.0,
            "text": "w1 w2 w3 w4",
            "speaker": "Speaker 1",
            "confidence": 0.9,
            "language": "en",
            "words": [],
        }
        assert {segment["speaker"] for segment in answer["segments"] if segment["start"] >= 5} == {"Speaker 2"}
        assert answer["model"] == response.headers["X-Model"] == "scripted"
        assert response.headers["X-Request-Id"]
        assert edge.transcription.configs[0].model == "large-v3-turbo"
        assert edge.transcription.configs[0].language == ""


async def test_options_in_any_order_and_case() -> None:
    async with scripted_edge() as edge:
        for first in (True, False):
            data = form(
                RECORDING,
                file_first=first,
                model="small",
                language="English",
                diarize="FALSE",
                speakers="2",
                unknown="x",
            )
            status, text, _ = await post(edge, data)
            answer = json.loads(text)
            assert status == 200
            assert answer["speakers"] == []
            assert all("speaker" not in segment for segment in answer["segments"])
            assert edge.transcription.configs[-1].model == "small"
            assert edge.transcription.configs[-1].language == "en"
        assert edge.diarization.configs == []


@pytest.mark.parametrize(
    ("fields", "code", "names"),
    [
        ({"model": "huge"}, "unknown_model", ["large-v3-turbo", "large-v3", "medium", "small"]),
        ({"response_format": "docx"}, "unknown_response_format", ["json", "txt", "srt", "vtt"]),
        ({"language": "klingon"}, "unknown_language", ["en"]),
        ({"diarize": "maybe"}, "invalid_diarize", ["true", "no"]),
        ({"speakers": "-1"}, "invalid_speakers", []),
        ({"speakers": "two"}, "invalid_speakers", []),
    ],
)
async def test_a_bad_option_lists_the_valid_ones(fields: dict[str, str], code: str, names: list[str]) -> None:
    async with scripted_edge() as edge:
        status, text, response = await post(edge, form(RECORDING, **fields))
        answer = json.loads(text)
        assert (status, answer["code"]) == (400, code)
        assert answer["request_id"] == response.headers["X-Request-Id"]
        assert all(name in answer["error"] for name in names)
        assert edge.transcription.configs == []


async def test_formats() -> None:
    async with scripted_edge() as edge:
        kinds = {
            "text": "text/plain; charset=utf-8",
            "txt": "text/plain; charset=utf-8",
            "srt": "application/x-subrip; charset=utf-8",
            "vtt": "text/vtt; charset=utf-8",
            "rttm": "text/plain; charset=utf-8",
        }
        texts = {}
        for name, content_type in kinds.items():
            status, texts[name], response = await post(edge, form(RECORDING, response_format=name))
            assert status == 200
            assert response.headers["Content-Type"] == content_type
            assert response.headers["X-Model"] == "scripted"
            assert f'filename="a b.{name.replace("text", "txt")}"' in response.headers["Content-Disposition"]
        assert texts["txt"] == texts["text"]
        assert texts["txt"] == f"Speaker 1: {' '.join(WORDS[:10])}\nSpeaker 2: {' '.join(WORDS[10:])}\n"
        for name in ("srt", "vtt"):
            read = pysubs2.SSAFile.from_string(texts[name], format_=name)
            assert " ".join(event.plaintext.replace("\n", " ") for event in read).replace("Speaker 1: ", "").replace(
                "Speaker 2: ", ""
            ) == " ".join(WORDS)
        assert texts["srt"].startswith("1\n00:00:00,050 --> 00:00:0")
        assert texts["srt"].count("Speaker ") == 2
        assert "<v Speaker 1>w1 " in texts["vtt"]
        assert texts["rttm"].splitlines()[0] == "SPEAKER a_b 1 0.000 0.500 <NA> <NA> Speaker_1 <NA> <NA>"


async def test_every_word_has_a_speaker_even_if_no_turn_was_found() -> None:
    async with scripted_edge() as edge:
        edge.diarization.deaf = True
        status, text, _ = await post(edge, form(RECORDING))
        answer = json.loads(text)
        assert (status, answer["speakers"]) == (200, ["Speaker 1"])
        assert {word["speaker"] for segment in answer["segments"] for word in segment["words"]} == {"Speaker 1"}


async def test_silence_is_an_empty_transcript() -> None:
    async with scripted_edge() as edge:
        status, text, _ = await post(edge, form(wav(spoken([0] * 6))))
        answer = json.loads(text)
        assert status == 200
        assert (answer["text"], answer["segments"], answer["speakers"], answer["duration"]) == ("", [], [], 3.0)


async def test_media_errors_are_the_callers() -> None:
    async with scripted_edge() as edge:
        for data, code in ((b"", "empty_media"), (b"no audio at all" * 100, "unreadable_media")):
            status, text, _ = await post(edge, form(data))
            assert (status, json.loads(text)["code"]) == (400, code)


@pytest.mark.parametrize(
    ("failure", "status", "retry"),
    [
        (Unavailable("full", retry_after=7.2), 503, "7"),
        (ResourceExhausted("too much"), 429, "5"),
        (InvalidArgument("hotwords are too many"), 400, None),
    ],
)
async def test_errors_of_services(failure: ServiceError, status: int, retry: str | None) -> None:
    async with scripted_edge() as edge:
        edge.transcription.refusal = lambda: failure
        got, text, response = await post(edge, form(RECORDING))
        assert got == status, text
        assert response.headers.get("Retry-After") == retry
        assert json.loads(text)["error"] == str(failure)
        edge.transcription.refusal = None
        assert (await post(edge, form(RECORDING)))[0] == 200


async def test_no_service_is_refused_before_the_body() -> None:
    async with scripted_edge(transcription=False) as edge:
        sent = 0

        async def body() -> None:
            nonlocal sent
            sent += 1

        async with edge.http.post(
            f"{edge.url}/v1/transcribe", data=form(RECORDING), headers={"Expect": "100-continue"}
        ) as response:
            answer = await response.json()
        assert (response.status, answer["code"]) == (503, "transcription_unavailable")
        assert int(response.headers["Retry-After"]) > 0


async def test_speakers_are_left_out_or_insisted_on() -> None:
    async with scripted_edge(diarization=False) as edge:
        status, text, _ = await post(edge, form(RECORDING))
        answer = json.loads(text)
        assert (status, answer["diarization"], answer["speakers"]) == (200, "unavailable", [])
        assert answer["text"] == " ".join(WORDS)
        status, text, response = await post(edge, form(RECORDING, diarize="true"))
        assert (status, json.loads(text)["code"]) == (503, "diarization_unavailable")
        assert response.headers["Retry-After"]


async def test_text_waits_for_speakers_only_so_long() -> None:
    async with scripted_edge(speakers_wait_seconds=0.2) as edge:
        edge.diarization.silent = True
        status, text, _ = await post(edge, form(wav(spoken([1, 2]))))
        assert (status, json.loads(text)["diarization"]) == (200, "unavailable")
        while edge.diarization.open:
            await asyncio.sleep(0.01)


async def test_events_while_it_goes_on() -> None:
    async with scripted_edge() as edge:
        status, text, response = await post(edge, form(RECORDING), Accept="text/event-stream")
        assert status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        events = [
            (lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: ")))
            for block in text.strip().split("\n\n")
            if (lines := block.split("\n"))
        ]
        kinds = [kind for kind, _ in events]
        assert kinds.count("segment") == 5
        assert "progress" in kinds
        assert kinds[-1] == "result"
        assert events[-1][1]["text"] == " ".join(WORDS)


async def test_an_early_error_keeps_its_status_with_events_too() -> None:
    async with scripted_edge() as edge:
        status, text, _ = await post(edge, form(b"no audio" * 100), Accept="text/event-stream")
        assert (status, json.loads(text)["code"]) == (400, "unreadable_media")


async def test_a_client_that_goes_away_frees_everything() -> None:
    async with scripted_edge() as edge:
        await post(edge, form(RECORDING))
        before = edge.open_files()
        edge.transcription.frozen = asyncio.Event()
        request = asyncio.create_task(post(edge, form(RECORDING)))
        while not edge.transcription.open:
            await asyncio.sleep(0.01)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        async with asyncio.timeout(20):
            while edge.transcription.open or edge.diarization.open or edge.open_files() > before:
                await asyncio.sleep(0.01)
        edge.transcription.frozen = None
        assert (await post(edge, form(RECORDING)))[0] == 200


async def test_recordings_wait_for_a_place_to_be_decoded() -> None:
    async with scripted_edge(decoders=1) as edge:
        answers = await asyncio.gather(*(post(edge, form(RECORDING)) for _ in range(5)))
        assert [status for status, _, _ in answers] == [200] * 5
        # A place is free again as soon as a recording is decoded, not when it is transcribed.
        edge.transcription.frozen = asyncio.Event()
        waiting = [asyncio.create_task(post(edge, form(RECORDING))) for _ in range(3)]
        async with asyncio.timeout(60):
            while edge.transcription.open < 3:
                await asyncio.sleep(0.01)
        edge.transcription.frozen.set()
        assert [status for status, _, _ in await asyncio.gather(*waiting)] == [200] * 3
