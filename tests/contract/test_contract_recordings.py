"""Every container, and files that are none, against the real house: real processes and weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiwer
import pytest
import requests
from whisper_normalizer.english import EnglishTextNormalizer

from tests.audio import TRANSCRIPTS, clip_pcm, packaged_clip, shared_clip, shared_manifest
from tests.house import House
from tests.media.recordings import CONTAINERS, write_recording

pytestmark = pytest.mark.real
CLIP = "beckett.wav"
normal = EnglishTextNormalizer()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    packaged_clip(CLIP)
    with House(transcription=1) as running:
        yield running


def answer(house: House, path: Path) -> tuple[int, dict[str, Any]]:
    with path.open("rb") as audio:
        reply = requests.post(
            f"{house.url}/v1/transcribe", files={"file": (path.name, audio)}, data={"diarize": "false"}, timeout=120
        )
    return reply.status_code, reply.json()


def test_every_container_gives_the_words(house: House, tmp_path: Path) -> None:
    pcm = clip_pcm(packaged_clip(CLIP))
    for suffix in CONTAINERS:
        status, body = answer(house, write_recording(tmp_path / f"clip.{suffix}", pcm, suffix))
        assert status == 200, (suffix, body)
        # What lossy codecs leave out may cost a word of the twelve.
        assert jiwer.wer(normal(TRANSCRIPTS[CLIP]), normal(body["text"])) < 0.1, (suffix, body["text"])


def test_the_shared_containers_give_the_same_words(house: House) -> None:
    texts = set()
    for suffix in CONTAINERS:
        path = shared_clip(f"formats/clip.{suffix}")
        status, body = answer(house, path)
        assert status == 200, (suffix, body)
        texts.add(normal(body["text"]))
        assert jiwer.wer(normal(shared_manifest()[f"formats/clip.{suffix}"]["text"]), normal(body["text"])) < 0.1
    assert len(texts) == 1, texts


@pytest.mark.parametrize(
    ("name", "code", "hint"),
    [
        ("truncated.mp4", "unreadable_media", "read"),
        ("zero_bytes.mp3", "empty_media", "empty"),
        ("text_renamed.mp3", "unreadable_media", "read"),
        ("no_audio_track.mp4", "no_audio_track", "audio"),
    ],
)
def test_what_is_no_recording_is_refused_with_a_reason(house: House, name: str, code: str, hint: str) -> None:
    status, body = answer(house, shared_clip(f"malformed/{name}"))
    assert (status, body["code"]) == (400, code), body
    assert hint in body["error"], body


def test_a_header_that_lies_about_the_length_costs_no_word(house: House) -> None:
    name = "malformed/lying_header.wav"
    status, body = answer(house, shared_clip(name))
    assert status == 200, body
    assert jiwer.wer(normal(shared_manifest()[name]["text"]), normal(body["text"])) < 0.1
