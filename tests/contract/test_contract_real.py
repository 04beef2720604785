"""The documented clients against the real house: real processes, real weights, real speech."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import jiwer
import pysubs2
import pytest
from whisper_normalizer.english import EnglishTextNormalizer

from tests.audio import TRANSCRIPTS, clip_pcm, packaged_clip
from tests.contract_clients import CONTRACT, output_of, stream_with_vendor_sdk
from tests.house import House

pytestmark = pytest.mark.real
CLIP = "beckett.wav"
CLIENTS = CONTRACT / "clients"
normal = EnglishTextNormalizer()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    packaged_clip(CLIP)
    # A stream that the machine cannot keep up with is ended; here only its text counts.
    with House(transcription=1, diarization=1, settings={"TRANSCRIPTION_LIVE_LAG_SECONDS": "240"}) as running:
        yield running


def is_right(text: str) -> bool:
    """At most one word of the twelve may be another one."""
    return bool(jiwer.wer(normal(TRANSCRIPTS[CLIP]), normal(text)) < 0.1)


async def test_requests(house: House) -> None:
    script = str(CLIENTS / "transcribe_requests.py")
    answer = json.loads(await output_of(sys.executable, script, house.url, str(packaged_clip(CLIP))))
    assert is_right(answer["text"]), answer
    assert answer["language"] == "en"
    assert answer["speakers"] == ["Speaker 1"]
    words = [word for segment in answer["segments"] for word in segment["words"]]
    assert len(words) == len(answer["text"].split())
    starts = [word["start"] for word in words]
    assert starts == sorted(starts)
    assert words[-1]["end"] <= answer["duration"]


@pytest.mark.system("curl")
async def test_curl_for_subtitles(house: House) -> None:
    form = ("-F", f"file=@{packaged_clip(CLIP)}", "-F", "response_format=vtt")
    text = await output_of("curl", "-sS", "-X", "POST", f"{house.url}/v1/transcribe", *form)
    assert is_right(" ".join(event.plaintext for event in pysubs2.SSAFile.from_string(text, format_="vtt")))


@pytest.mark.system("node")
async def test_node(house: House) -> None:
    script = str(CLIENTS / "transcribe_fetch.mjs")
    assert is_right(json.loads(await output_of("node", script, house.url, str(packaged_clip(CLIP))))["text"])


async def test_the_vendors_sdk_streams_a_clip(house: House, tmp_path: Path) -> None:
    audio = tmp_path / "audio.raw"
    audio.write_bytes(clip_pcm(packaged_clip(CLIP)).tobytes())
    answer = await stream_with_vendor_sdk(house.url, str(audio))
    assert answer["result"], answer
    assert is_right(answer["result"]["text"]), answer
    assert answer["result"]["text"].lower().rstrip(".").endswith("fail better"), answer
