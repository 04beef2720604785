"""Our own SDKs and the `stt` command against a real edge."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.contract_clients import CONTRACT, node_modules, output_of, vendor_sdk
from tests.scripted_edge import scripted_edge
from tests.scripted_speech import spoken, wav, written

PYTHON_SDK = CONTRACT.parent.parent / "clients" / "python"
NUMBERS = list(range(1, 13))
TEXT = " ".join(written(number) for number in NUMBERS)


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "meeting.wav"
    path.write_bytes(wav(spoken(NUMBERS)))
    return str(path)


@pytest.fixture
def audio(tmp_path: Path) -> str:
    path = tmp_path / "audio.raw"
    path.write_bytes(spoken(NUMBERS))
    return str(path)


async def stt(url: str, *arguments: str) -> str:
    # The vendor's folder holds the WebSocket library that both SDKs use.
    folders = os.pathsep.join([str(PYTHON_SDK), str(await asyncio.to_thread(vendor_sdk))])
    command = (sys.executable, "-m", "verbatim_client.command", "--url", url, "--key", "KEY", *arguments)
    return await output_of(*command, PYTHONPATH=folders)


async def test_the_stt_command(recording: str, audio: str, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("hello")
    async with scripted_edge() as edge:
        answer = json.loads(await stt(edge.url, "transcribe", recording, "--format", "json", "--language", "en"))
        assert answer["text"] == TEXT
        text = await stt(edge.url, "transcribe", recording, "--no-diarize")
        assert text == TEXT + "\n"
        assert (await stt(edge.url, "listen", audio, "--language", "en")).split() == TEXT.split()
        assert await stt(edge.url, "summarize", str(notes), "--style", "bullets") == "5 characters.\n"
        assert len(json.loads(await stt(edge.url, "models"))) == 4
        assert json.loads(await stt(edge.url, "health"))["status"] == "ok"


async def test_the_command_tells_a_refusal(recording: str) -> None:
    async with scripted_edge() as edge:
        with pytest.raises(AssertionError, match="stt: Unknown model"):
            await stt(edge.url, "transcribe", recording, "--model", "huge")
        with pytest.raises(AssertionError, match="stt: Unknown language"):
            await stt(edge.url, "listen", recording, "--language", "klingon")


@pytest.mark.system("node")
async def test_our_node_sdk(recording: str, audio: str) -> None:
    modules = str(await asyncio.to_thread(node_modules))
    async with scripted_edge() as edge:
        script = str(CONTRACT / "clients" / "own_node.mjs")
        answers = json.loads(await output_of("node", script, edge.url, recording, audio, NODE_PATH=modules))
        assert answers["transcript"]["text"] == answers["streamed"] == TEXT
        assert answers["srt"].startswith("1\n00:00:00,050 --> ")
        assert answers["events"][-1] == "result"
        assert "segment" in answers["events"]
        assert answers["partials"] > 0
        assert answers["summary"]["model"] == "scripted-instruct"
        assert (answers["models"], answers["languages"], answers["health"]) == (4, 100, "ok")
        assert answers["error"] == {"status": 400, "code": "unknown_model"}
        assert answers["refused"] == "unknown_model"
