"""Which speaker each word got: recordings whose speakers' texts are known, through the real processes and the edge."""

import io
import json
import random
import re
import wave
from collections import Counter
from dataclasses import dataclass

import jiwer
import numpy as np
import requests
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bench.corpus import RATE, SHARED, Utterance, utterances
from tests.audio import clip_pcm
from tests.house import House

Said = list[tuple[str, str]]
"""Words in order, each with who said it."""
LEAST_SECONDS = 1.5
"""Shortest utterance of a made conversation."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A recording and who says which words."""

    name: str
    pcm: NDArray[np.int16]
    words: Said


def said(text: str, speaker: str) -> Said:
    """The words of a text as they are compared."""
    return [(word, speaker) for word in re.sub(r"[^\w' ]", " ", text.lower()).replace("'", "").split()]


def recorded() -> list[Dialogue]:
    """Those of the shared set."""
    found = []
    manifest = SHARED / "manifest.json"
    for row in json.loads(manifest.read_text()) if manifest.exists() else []:
        parts = row.get("segments") or row.get("speaker_text") or []
        if row["speakers"] and row["speakers"] > 1 and parts and all(part.get("text") for part in parts):
            words = [word for part in parts for word in said(part["text"], str(part["speaker"]))]
            found.append(Dialogue(row["file"].partition(".")[0], clip_pcm(SHARED / row["file"]), words))
    return found


def made(*, seed: int = 4) -> list[Dialogue]:
    """Conversations of 2 to 4 voices out of whole English utterances, with and without overlap."""
    pools: dict[str, list[Utterance]] = {}
    for one in utterances():
        if one.language == "en" and one.text and len(one.pcm) > LEAST_SECONDS * RATE:
            pools.setdefault(one.speaker, []).append(one)
    voices = sorted(name for name, pool in pools.items() if len({one.text for one in pool}) >= 3)
    draw = random.Random(seed)
    found = []
    for count in range(2, min(4, len(voices)) + 1):
        for overlap in (0.0, 0.3):
            chosen = draw.sample(voices, count)
            name = f"made {count} {'overlaps' if overlap else 'turns'}"
            found.append(_mixed(name, {voice: pools[voice] for voice in chosen}, draw, overlap=overlap))
    return found


def _mixed(name: str, pools: dict[str, list[Utterance]], draw: random.Random, *, overlap: float) -> Dialogue:
    order = [(voice, one) for voice, pool in pools.items() for one in {one.text: one for one in pool}.values()]
    draw.shuffle(order)
    signal = np.zeros(0, np.float32)
    words: Said = []
    last = ""
    while order and len(signal) < 75 * RATE:
        voice, one = order.pop(next((i for i, (voice, _) in enumerate(order) if voice != last), 0))
        samples = one.pcm.astype(np.float32)
        samples *= 1500 / max(1.0, float(np.sqrt(np.mean(samples**2))))
        gap = -draw.uniform(0.2, 0.6) if signal.size and draw.random() < overlap else draw.uniform(0.2, 0.8)
        at = max(0, len(signal) + round(gap * RATE))
        signal = np.pad(signal, (0, max(0, at + len(samples) - len(signal))))
        signal[at : at + len(samples)] += samples
        words += said(one.text, voice)
        last = voice
    return Dialogue(name, np.asarray(np.clip(signal, -32768, 32767), np.int16), words)


def right(reference: Said, heard: Said) -> tuple[int, int]:
    """How many of the words that were understood have the right speaker, under the best match, and how many there are.

    Words that were not understood are the transcript's errors, not the speakers'.
    """
    aligned = jiwer.process_words(" ".join(word for word, _ in reference), " ".join(word for word, _ in heard))
    pairs: Counter[tuple[str, str]] = Counter()
    for chunk in aligned.alignments[0]:
        if chunk.type == "equal":
            for offset in range(chunk.ref_end_idx - chunk.ref_start_idx):
                pairs[reference[chunk.ref_start_idx + offset][1], heard[chunk.hyp_start_idx + offset][1]] += 1
    rows, columns = sorted({a for a, _ in pairs}), sorted({b for _, b in pairs})
    counts = np.array([[pairs[a, b] for b in columns] for a in rows])
    best = counts[linear_sum_assignment(counts, maximize=True)].sum()
    return int(best), int(counts.sum())


def run() -> str:
    """The table."""
    lines = ["| recording | words understood | right speaker | speakers found |", "|---|---|---|---|"]
    totals = {"recordings": [0, 0], "made": [0, 0]}
    with House(diarization=1) as house:
        for dialogue in [*recorded(), *made()]:
            answer = _transcribed(house.url, dialogue.pcm)
            heard = [
                word
                for segment in answer["segments"]
                for each in segment["words"]
                for word in said(each["word"], str(segment["speaker"]))
            ]
            good, known = right(dialogue.words, heard)
            total = totals["made" if dialogue.name.startswith("made") else "recordings"]
            total[0] += good
            total[1] += known
            speakers = len({speaker for _, speaker in dialogue.words})
            lines.append(
                f"| {dialogue.name} | {known} of {len(dialogue.words)} | {100 * good / known:.1f} % | "
                f"{len(answer['speakers'])} of {speakers} |"
            )
    summary = ", ".join(
        f"{name} {100 * good / known:.1f} % of {known}" for name, (good, known) in totals.items() if known
    )
    return "\n".join([*lines, "", f"Words with the right speaker, of those that were understood: {summary}."])


def _transcribed(url: str, pcm: NDArray[np.int16]) -> dict[str, list[dict[str, object]]]:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())
    answer = requests.post(
        f"{url}/v1/transcribe",
        files={"file": ("dialogue.wav", buffer.getvalue())},
        data={"language": "en", "diarize": "true"},
        timeout=600,
    )
    answer.raise_for_status()
    return dict(answer.json())
