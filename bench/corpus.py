"""The recordings of the benchmarks: those beside the project if any, else the packaged ones, joined to length."""

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.audio import clip_pcm, packaged_clip

SHARED = Path(__file__).resolve().parents[2] / "shared" / "audio"
RATE = 16_000
PACKAGED = ("beckett.wav", "two_cities.wav", "endgame_nagg_nell.wav")


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch of one speaker's speech and its text, where one is known."""

    pcm: NDArray[np.int16]
    text: str
    language: str
    speaker: str


@cache
def utterances() -> tuple[Utterance, ...]:
    """Every utterance with a human reference, cut out of its recording."""
    found: list[Utterance] = []
    manifest = SHARED / "manifest.json"
    if manifest.exists():
        for clip in json.loads(manifest.read_text()):
            if not clip.get("text") or not str(clip["text_kind"]).startswith("human") or not clip["language"]:
                continue
            pcm = clip_pcm(SHARED / clip["file"])
            for part in clip.get("segments") or [{"start": 0.0, "end": len(pcm) / RATE, "text": clip["text"]}]:
                if part.get("text"):
                    cut = pcm[max(0, int((part["start"] - 0.1) * RATE)) : int((part["end"] + 0.1) * RATE)]
                    speaker = str(part.get("speaker") or clip["file"])
                    found.append(Utterance(cut, part["text"], clip["language"], speaker))
    if not found:
        found = [Utterance(clip_pcm(packaged_clip(name)), "", "en", name) for name in PACKAGED]
    return tuple(found)


def joined(
    seconds: float, *, seed: int, language: str | None = "en", gap: float = 0.6
) -> tuple[NDArray[np.int16], str]:
    """A recording of about `seconds`, made of whole utterances in a seeded order, and its text."""
    draw = random.Random(seed)
    pool = [one for one in utterances() if language in {None, one.language} and len(one.pcm) > RATE]
    parts: list[NDArray[np.int16]] = []
    texts: list[str] = []
    total = 0.0
    while total < seconds - 2:
        fitting = [one for one in pool if total + len(one.pcm) / RATE <= seconds] or pool
        one = draw.choice(fitting)
        parts += [one.pcm, np.zeros(int(gap * RATE), np.int16)]
        texts.append(one.text)
        total += len(one.pcm) / RATE + gap
    pcm = np.concatenate(parts)[: int(seconds * RATE)]
    return pcm, " ".join(texts)


def write_flac(pcm: NDArray[np.int16], path: Path) -> Path:
    """Encode mono 16 kHz samples as FLAC."""
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE)
        stream.layout = "mono"
        for start in range(0, len(pcm), RATE):
            frame = av.AudioFrame.from_ndarray(pcm[None, start : start + RATE], format="s16", layout="mono")
            frame.sample_rate = RATE
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
