"""The documented and the vendor's streaming clients, unchanged but for the base URL, against a real edge."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.contract_clients import CONTRACT, node_modules, output_of, stream_with_vendor_sdk
from tests.scripted_edge import scripted_edge
from tests.scripted_speech import spoken, written

CLIENTS = CONTRACT / "clients"
NUMBERS = list(range(1, 31))
TEXT = " ".join(written(number) for number in NUMBERS)


@pytest.fixture
def audio(tmp_path: Path) -> str:
    path = tmp_path / "audio.raw"
    path.write_bytes(spoken(NUMBERS))
    return str(path)


async def test_the_vendors_sdk_gets_the_whole_transcript(audio: str) -> None:
    async with scripted_edge() as edge:
        answer = await stream_with_vendor_sdk(edge.url, audio)
        assert answer["result"]["text"] == TEXT
        assert answer["result"]["final"] is True
        assert len(answer["heard"]) > 5


@pytest.mark.system("node")
async def test_the_documented_page(audio: str) -> None:
    modules = str(await asyncio.to_thread(node_modules))
    async with scripted_edge() as edge:
        url = edge.url.replace("http", "ws") + "/v1/stream"
        answer = json.loads(await output_of("node", str(CLIENTS / "stream_page.mjs"), url, audio, NODE_PATH=modules))
        assert answer["transcript"] == TEXT
        assert answer["partials"] > 0
        assert answer["code"] == 1000
