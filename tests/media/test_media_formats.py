from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media import Report, decode, probe
from tests.audio import RATE, Pcm, clip_pcm, packaged_clip, shared_clip, shared_manifest, silence, tone
from tests.media.recordings import CONTAINERS, write_recording, write_tracks

LONGEST_SHIFT = 0.08
"""Seconds: encoders add up to this much at the start where the container cannot say so."""
LEAST_LIKENESS = 0.75
"""Correlation: the lowest is of MPEG layer II at a low rate."""


async def decoded(path: Path) -> tuple[Pcm, Report]:
    async with decode(path) as decoder:
        chunks = [chunk async for chunk in decoder]
    assert all(len(chunk) == len(chunks[0]) for chunk in chunks[:-1])
    return np.frombuffer(b"".join(chunks), np.int16), decoder.report


def likeness(one: Pcm, other: Pcm) -> tuple[float, float]:
    """Return the highest correlation of two recordings over small shifts, and the shift in seconds."""
    length = min(len(one), len(other))
    first, second = (signal[:length].astype(np.float64) for signal in (one, other))
    size = 1 << (2 * length - 1).bit_length()
    spectrum: NDArray[np.complex128] = np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size))
    correlation = np.fft.irfft(spectrum, size) / np.sqrt((first**2).sum() * (second**2).sum())
    reach = round(LONGEST_SHIFT * RATE)
    near = np.concatenate([correlation[-reach:], correlation[: reach + 1]])
    return float(near.max()), (int(near.argmax()) - reach) / RATE


@pytest.mark.parametrize("suffix", CONTAINERS)
async def test_every_container_gives_the_same_audio(suffix: str, tmp_path: Path) -> None:
    original = clip_pcm(packaged_clip("beckett.wav"))
    # The name says nothing: only content counts.
    path = write_recording(tmp_path / "recording.bin", original, suffix)
    pcm, report = await decoded(path)
    correlation, shift = likeness(pcm, original)
    assert correlation > LEAST_LIKENESS
    assert abs(shift) <= LONGEST_SHIFT
    assert report.duration == len(pcm) / RATE
    assert abs(report.duration - len(original) / RATE) < 0.1
    assert not report.truncated


@pytest.mark.parametrize("suffix", ["mp3", "opus", "webm", "flac", "wav", "mov", "mkv"])
async def test_times_are_right_where_the_container_tells_what_to_skip(suffix: str, tmp_path: Path) -> None:
    original = clip_pcm(packaged_clip("beckett.wav"))
    pcm, _ = await decoded(write_recording(tmp_path / "recording", original, suffix))
    assert abs(likeness(pcm, original)[1]) < 0.003


@pytest.mark.parametrize("suffix", CONTAINERS)
async def test_the_shared_formats_give_the_same_audio(suffix: str) -> None:
    original = clip_pcm(shared_clip("formats/clip.wav"))
    pcm, report = await decoded(shared_clip(f"formats/clip.{suffix}"))
    correlation, shift = likeness(pcm, original)
    assert correlation > LEAST_LIKENESS
    # The others have no field that says what the encoder put before the sound.
    assert abs(shift) < (LONGEST_SHIFT if suffix in {"aac", "avi", "mpg", "mpeg", "wma", "wmv"} else 0.005)
    # Padding may be left at the end, but nothing that was said is lost.
    assert 6.81 < report.duration < 6.92
    assert not report.truncated


@pytest.mark.parametrize(
    ("name", "channels", "sample_rate"), [("phone_8k_osr.wav", 1, 8_000), ("stereo_two_channels.flac", 2, 16_000)]
)
async def test_telephone_and_stereo(name: str, channels: int, sample_rate: int) -> None:
    claimed = shared_manifest()[name]
    pcm, report = await decoded(shared_clip(name))
    assert (report.channels, report.sample_rate) == (channels, sample_rate)
    assert abs(report.duration - claimed["duration_s"]) < 0.05
    assert np.abs(pcm).max() > 1_000


async def test_a_probe_tells_what_the_container_claims(tmp_path: Path) -> None:
    original = clip_pcm(packaged_clip("beckett.wav"))
    claims = await probe(write_recording(tmp_path / "recording", original, "m4a"))
    assert claims.codec == "aac"
    assert "mp4" in claims.format.split(",")
    assert (claims.channels, claims.sample_rate) == (1, 44_100)
    assert claims.container_seconds == pytest.approx(len(original) / RATE, abs=0.1)


async def test_another_rate_can_be_asked_for() -> None:
    async with decode(packaged_clip("two_cities.wav"), sample_rate=8_000) as decoder:
        size = sum([len(chunk) async for chunk in decoder])
    assert size / 2 / 8_000 == pytest.approx(44.374, abs=0.01)
    assert decoder.report.duration == pytest.approx(44.374, abs=0.01)


async def test_the_first_of_several_tracks_is_heard(tmp_path: Path) -> None:
    pcm, report = await decoded(write_tracks(tmp_path / "tracks", [tone(2), silence(2), silence(2)]))
    assert np.array_equal(pcm, tone(2))
    assert not report.truncated
