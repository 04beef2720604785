"""The embedded engine with its real weights on real speech."""

import asyncio
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from inference.diarizing.catalogue import EMBEDDED_WEIGHTS
from inference.diarizing.process import Process
from inference.diarizing.settings import DiarizationSettings
from inference.engines.diarization import DiarizationOptions
from inference.engines.embedded import EmbeddedDiarizer
from inference.types import Turn
from rpc.server import running_server
from tests.audio import Pcm, clip_pcm, music, packaged_clip, shared_clip, silence, white_noise
from tests.diarizing import diarize
from weights.settings import WeightsSettings

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def folder() -> Path:
    return WeightsSettings().store().fetch(EMBEDDED_WEIGHTS)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[EmbeddedDiarizer]:
    engine = EmbeddedDiarizer(folder, threads=1)
    yield engine
    engine.close()


@cache
def clip(name: str) -> Pcm:
    return clip_pcm(packaged_clip(name))


def turns(engine: EmbeddedDiarizer, pcm: Pcm, *, speakers: int = 0, chunk: int = 160_000) -> list[Turn]:
    stream = engine.open(DiarizationOptions(speakers=speakers))
    for start in range(0, len(pcm), chunk):
        stream.push(pcm[start : start + chunk])
        while not stream.wanted:
            engine.advance([stream])
    stream.finish()
    while not stream.done:
        engine.advance([stream])
    return [event for event in stream.take() if isinstance(event, Turn)]


def conversation() -> tuple[Pcm, list[tuple[float, float, str]]]:
    """Two voices in turns of a few seconds."""
    one, other = clip("two_cities.wav"), clip("endgame_nagg_nell.wav")
    parts: list[Pcm] = []
    told: list[tuple[float, float, str]] = []
    at = 0
    for name, source, start, end in (
        ("one", one, 0.3, 6.0),
        ("other", other, 4.8, 8.1),
        ("one", one, 8.0, 15.0),
        ("other", other, 22.5, 27.4),
        ("one", one, 20.0, 26.0),
    ):
        piece = source[round(start * 16_000) : round(end * 16_000)]
        told.append((at / 16_000, (at + len(piece)) / 16_000, name))
        parts += [piece, silence(0.4)]
        at += len(piece) + 6400
    return np.concatenate(parts), told


def test_one_reader_is_one_speaker(engine: EmbeddedDiarizer) -> None:
    found = turns(engine, clip("two_cities.wav"))
    assert {turn.speaker for turn in found} == {1}
    assert sum(turn.end - turn.start for turn in found) > 30


def test_two_readers_are_told_apart_and_each_turn_has_the_right_one(engine: EmbeddedDiarizer) -> None:
    pcm, told = conversation()
    found = turns(engine, pcm)
    assert {turn.speaker for turn in found} == {1, 2}
    numbers = {"one": 1, "other": 2}
    for start, end, name in told:
        said = {
            number: sum(max(0.0, min(end, t.end) - max(start, t.start)) for t in found if t.speaker == number)
            for number in (1, 2)
        }
        assert max(said, key=lambda number: said[number]) == numbers[name]


def test_a_hint_is_the_number_of_speakers(engine: EmbeddedDiarizer) -> None:
    pcm, _ = conversation()
    for wanted in (1, 2, 3):
        assert len({turn.speaker for turn in turns(engine, pcm, speakers=wanted)}) == wanted


@pytest.mark.parametrize("sound", [silence, white_noise, music])
def test_what_is_no_speech_has_no_turns(engine: EmbeddedDiarizer, sound: object) -> None:
    assert turns(engine, sound(12.0)) == []  # type: ignore[operator]


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3, 1.0])
def test_the_shortest_recordings_are_no_fault(engine: EmbeddedDiarizer, seconds: float) -> None:
    assert len({turn.speaker for turn in turns(engine, clip("beckett.wav")[: round(seconds * 16_000)])}) <= 1


def test_the_size_of_chunks_means_nothing(engine: EmbeddedDiarizer) -> None:
    pcm, _ = conversation()
    assert _differing(turns(engine, pcm, chunk=4321), turns(engine, pcm, chunk=len(pcm))) < 0.1


def test_streams_of_one_batch_give_what_they_give_alone(engine: EmbeddedDiarizer) -> None:
    pcm, _ = conversation()
    recordings = [pcm, clip("beckett.wav"), pcm[: len(pcm) // 2]]
    streams = [engine.open(DiarizationOptions()) for _ in recordings]
    for stream, recording in zip(streams, recordings, strict=True):
        stream.push(recording)
        stream.finish()
    while not all(stream.done for stream in streams):
        engine.advance([stream for stream in streams if not stream.done])
    for stream, recording in zip(streams, recordings, strict=True):
        assert _differing(stream.take(), turns(engine, recording)) < 0.1


async def test_live_and_file_agree_through_the_service(folder: Path) -> None:
    pcm, _ = conversation()
    settings = DiarizationSettings(port=0, metrics_port=None, weights_folder=folder)
    process = Process(settings, WeightsSettings())
    await process.load()
    try:
        async with running_server(process.register, settings=settings) as address:
            file, live = await asyncio.gather(
                diarize(address, pcm), diarize(address, pcm, live=True, latency=2.0, chunk=1600)
            )
    finally:
        await process.close()
    assert file.ready.engine == live.ready.engine == "embedded"
    assert live.ready.latency_milliseconds == 2000
    assert live.horizons == sorted(live.horizons)
    assert any(event.turn.provisional for event in live.events if event.WhichOneof("event") == "turn")
    assert _differing(file.turns, live.turns) < 0.05 * len(pcm) / 16_000


def _differing(left: object, right: object) -> float:
    """Seconds in which two lists of turns name different speakers, under the best match of numbers."""
    grids = []
    for turns_ in (left, right):
        grid = np.zeros(6000, int)
        for turn in turns_:  # type: ignore[attr-defined]
            grid[round(turn.start * 100) : round(turn.end * 100)] = turn.speaker
        grids.append(grid)
    one, other = grids
    same = {(a, b): int(((one == a) & (other == b)).sum()) for a in set(one) for b in set(other) if a and b}
    best = dict[int, int]()
    for (a, b), _ in sorted(same.items(), key=lambda each: -each[1]):
        if a not in best and b not in best.values():
            best[a] = b
    mapped = np.vectorize(lambda a: best.get(a, -1) if a else 0)(one)
    return float((mapped != other).sum()) / 100


@pytest.mark.parametrize(("name", "speakers"), [("mix2_turns.flac", 2), ("mix3_overlap.flac", 3)])
def test_made_mixes_have_the_right_number_of_speakers(engine: EmbeddedDiarizer, name: str, speakers: int) -> None:
    assert len({turn.speaker for turn in turns(engine, clip_pcm(shared_clip(name)))}) == speakers
