"""Recordings of several speakers whose turns are known: those beside the project, and ones made of single voices."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.corpus import RATE, SHARED
from tests.audio import clip_pcm, packaged_clip

Turns = list[tuple[float, float, str]]
FRAME = RATE // 100


@dataclass(frozen=True, slots=True)
class Conversation:
    """A recording and who speaks when."""

    name: str
    pcm: NDArray[np.int16]
    turns: Turns

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.pcm) / RATE

    @property
    def speakers(self) -> int:
        """How many there are."""
        return len({speaker for *_, speaker in self.turns})


def labelled() -> list[Conversation]:
    """Those of the shared set that come with an RTTM."""
    found = []
    for path in sorted((SHARED / "rttm").glob("*.rttm")) if SHARED.exists() else []:
        found.append(Conversation(path.stem, clip_pcm(SHARED / f"{path.stem}.flac"), read_rttm(path)))
    return found


def beside(folder: Path) -> list[Conversation]:
    """Those of a folder, each `NAME.flac` beside `NAME.rttm`."""
    return [
        Conversation(path.stem, clip_pcm(path.with_suffix(".flac")), read_rttm(path))
        for path in sorted(folder.glob("*.rttm"))
    ]


def read_rttm(path: Path) -> Turns:
    """Read the turns of an RTTM file."""
    rows = [line.split() for line in path.read_text().splitlines() if line.startswith("SPEAKER")]
    return [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]


def made(*, seed: int = 1) -> list[Conversation]:
    """Mixes of 1 to 4 voices: in turns, with overlaps, in noise, and over a telephone's band."""
    voices = _voices()
    draw = random.Random(seed)
    found = []
    for count in range(1, min(4, len(voices)) + 1):
        for style in ("turns", "overlaps", "noise", "telephone"):
            chosen = draw.sample(sorted(voices), count)
            pools = {name: _utterances(voices[name]) for name in chosen}
            overlap = 0.35 if style == "overlaps" else 0.0
            pcm, turns = _mixed(pools, draw, seconds=30 + 15 * count, overlap=overlap)
            found.append(Conversation(f"made {count} {style}", _styled(pcm, style, draw), turns))
    return found


def _voices() -> dict[str, NDArray[np.int16]]:
    voices = {"tale": clip_pcm(packaged_clip("two_cities.wav"))}
    for name in ("en_read_ls1998", "en_read_lj", "en_jfk", "de_picovoice", "es_picovoice", "fr_picovoice"):
        if (SHARED / f"{name}.flac").exists():
            voices[name] = clip_pcm(SHARED / f"{name}.flac")
    for conversation in labelled():
        if conversation.name.startswith("mix3"):
            # Voices of the mixes, where nobody else speaks.
            for speaker in ("ls2414", "ls3331"):
                alone = [
                    turn for turn in conversation.turns if turn[2] == speaker and not _met(turn, conversation.turns)
                ]
                parts = [conversation.pcm[round(low * RATE) : round(high * RATE)] for low, high, _ in alone]
                if sum(len(part) for part in parts) > 8 * RATE:
                    voices[speaker] = np.concatenate(parts)
    return voices


def _met(turn: tuple[float, float, str], turns: Turns) -> bool:
    return any(other[2] != turn[2] and other[0] < turn[1] and other[1] > turn[0] for other in turns)


def _utterances(pcm: NDArray[np.int16]) -> list[tuple[NDArray[np.float32], list[tuple[float, float]]]]:
    """Cut a voice at its pauses into stretches of 2 to 6 s, with the spans of speech in each."""
    samples = pcm.astype(np.float32)
    samples *= 1500 / max(1.0, float(np.sqrt(np.mean(samples**2))))
    frames = len(samples) // FRAME
    energy = 10 * np.log10(np.mean(samples[: frames * FRAME].reshape(-1, FRAME) ** 2, axis=1) + 1)
    loud = np.convolve(energy > np.percentile(energy, 97) - 25, np.ones(11), "same") > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    spans = [(low / 100, high / 100) for low, high in zip(edges[::2], edges[1::2], strict=True) if high - low > 15]
    groups: list[list[tuple[float, float]]] = [[]]
    for span in spans:
        if groups[-1] and span[1] - groups[-1][0][0] > 6:
            groups.append([])
        groups[-1].append(span)
    cut = []
    for group in groups:
        if group and group[-1][1] - group[0][0] > 1.0:
            start = group[0][0]
            piece = samples[round(start * RATE) : round(group[-1][1] * RATE)]
            cut.append((piece, [(low - start, high - start) for low, high in group]))
    return cut


def _mixed(
    pools: dict[str, list[tuple[NDArray[np.float32], list[tuple[float, float]]]]],
    draw: random.Random,
    *,
    seconds: float,
    overlap: float,
) -> tuple[NDArray[np.float32], Turns]:
    signal = np.zeros(round((seconds + 10) * RATE), np.float32)
    turns: Turns = []
    at, last, gains = 0.5, "", {name: 10 ** (draw.uniform(-4, 4) / 20) for name in pools}
    waiting = list(pools)
    while at < seconds:
        speaker = waiting.pop() if waiting else draw.choice([name for name in pools if name != last or len(pools) == 1])
        piece, spans = draw.choice(pools[speaker])
        at += -draw.uniform(0.3, 1.5) if last and draw.random() < overlap else draw.uniform(0.2, 0.9)
        start = round(max(0.0, at) * RATE)
        piece = piece[: len(signal) - start]
        signal[start : start + len(piece)] += piece * gains[speaker]
        turns += [(start / RATE + low, start / RATE + high, speaker) for low, high in spans]
        at, last = start / RATE + len(piece) / RATE, speaker
    return signal[: round((at + 0.5) * RATE)], turns


def _styled(signal: NDArray[np.float32], style: str, draw: random.Random) -> NDArray[np.int16]:
    noise = np.random.default_rng(draw.randrange(1000)).normal(0, 1, len(signal)).astype(np.float32)
    level = float(np.sqrt(np.mean(signal**2)))
    signal = signal + noise * (level * 10 ** (-15 / 20) if style == "noise" else 12.0)
    if style == "telephone":
        spectrum = np.fft.rfft(signal)
        frequencies = np.fft.rfftfreq(len(signal), 1 / RATE)
        spectrum[(frequencies < 300) | (frequencies > 3400)] = 0
        signal = np.fft.irfft(spectrum, len(signal)).astype(np.float32)
    return np.asarray(np.clip(signal, -32768, 32767), np.int16)
