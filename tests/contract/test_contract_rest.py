"""The documented clients, unchanged but for the base URL, against a real edge."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract_clients import CONTRACT, node_modules, output_of, vendor_sdk
from tests.scripted_edge import scripted_edge
from tests.scripted_speech import spoken, wav, written

CLIENTS = CONTRACT / "clients"
NUMBERS = list(range(1, 13))
TEXT = " ".join(written(number) for number in NUMBERS)


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "meeting.wav"
    path.write_bytes(wav(spoken(NUMBERS)))
    return str(path)


def check(answer: dict[str, Any]) -> None:
    assert answer["text"] == TEXT, answer
    assert answer["language"] == "en"
    assert answer["duration"] == 6.0
    assert answer["speakers"] == ["Speaker 1", "Speaker 2"]


@pytest.mark.system("curl")
async def test_curl(recording: str) -> None:
    async with scripted_edge() as edge:
        text = await output_of(
            *("curl", "-sS", "-X", "POST", f"{edge.url}/v1/transcribe", "-H", "Authorization: Bearer YOUR_API_KEY"),
            *("-F", f"file=@{recording}", "-F", "model=large-v3-turbo", "-F", "language=en", "-F", "diarize=true"),
        )
        check(json.loads(text))
        assert edge.transcription.configs[0].language == "en"


@pytest.mark.system("curl")
async def test_curl_for_subtitles_and_summaries(recording: str) -> None:
    async with scripted_edge() as edge:
        text = await output_of(
            *("curl", "-sS", f"{edge.url}/v1/transcribe", "-F", f"file=@{recording}", "-F", "response_format=srt"),
        )
        assert text.startswith("1\n00:00:00,050 --> ")
        text = await output_of(
            *("curl", "-sS", "-X", "POST", f"{edge.url}/v1/summarize", "-H", "Content-Type: application/json"),
            *("-H", "Authorization: Bearer YOUR_API_KEY", "-d", '{"text": "hello there", "style": "brief"}'),
        )
        assert json.loads(text)["style"] == "brief"


@pytest.mark.system("curl")
async def test_curl_waits_to_be_asked_for_a_large_body(tmp_path: Path) -> None:
    numbers = list(range(1, 101))
    path = tmp_path / "long.wav"
    path.write_bytes(wav(spoken(numbers)))
    async with scripted_edge() as edge:
        text = await output_of("curl", "-sS", f"{edge.url}/v1/transcribe", "-F", f"file=@{path}")
        assert json.loads(text)["text"] == " ".join(written(number) for number in numbers)


async def test_requests(recording: str) -> None:
    async with scripted_edge() as edge:
        check(json.loads(await output_of(sys.executable, str(CLIENTS / "transcribe_requests.py"), edge.url, recording)))


@pytest.mark.system("node")
async def test_node_with_its_own_fetch(recording: str) -> None:
    async with scripted_edge() as edge:
        check(json.loads(await output_of("node", str(CLIENTS / "transcribe_fetch.mjs"), edge.url, recording)))


@pytest.mark.system("node")
async def test_node_with_form_data_and_node_fetch(recording: str) -> None:
    modules = str(await asyncio.to_thread(node_modules))
    async with scripted_edge() as edge:
        script = str(CLIENTS / "transcribe_form_data.js")
        check(json.loads(await output_of("node", script, edge.url, recording, NODE_PATH=modules)))


@pytest.mark.system("node")
async def test_node_with_form_data_and_its_own_fetch_is_a_quick_400(recording: str) -> None:
    modules = str(await asyncio.to_thread(node_modules))
    async with scripted_edge() as edge:
        script = str(CLIENTS / "transcribe_mixed.js")
        answer = json.loads(await output_of("node", script, edge.url, recording, NODE_PATH=modules))
        assert (answer["status"], answer["code"]) == (400, "malformed_form")
        assert "multipart/form-data" in answer["error"]


async def test_the_vendors_sdk(recording: str) -> None:
    sdk = str(await asyncio.to_thread(vendor_sdk))
    async with scripted_edge() as edge:
        script = str(CLIENTS / "sttai_rest.py")
        answers = json.loads(await output_of(sys.executable, script, edge.url, recording, PYTHONPATH=sdk))
        check(answers["transcribe"])
        assert answers["summarize"]["style"] == "bullet_points"
        assert answers["models"][0][0] == "large-v3-turbo"
        assert all(description for _, description in answers["models"])
        assert (answers["languages"], answers["health"]) == (100, "ok")
        assert "small" in answers["error"]
