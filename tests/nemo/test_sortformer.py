"""NeMo's real classes, restored from a .nemo file, through the real service."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nemo", reason="runs in an environment of its own: make test-nemo")

from inference.diarizing.process import Process
from inference.diarizing.settings import DiarizationSettings
from inference.engines.diarization import DiarizationOptions, Settled
from inference.engines.sortformer import SortformerDiarizer
from inference.engines.sortformer.presets import LIVE, RECORDING, live_preset
from inference.engines.sortformer.turns import FRAME
from inference.types import Pcm, Turn
from rpc.errors import InvalidArgument
from rpc.server import running_server
from tests.diarizing import diarize, runtime
from weights.settings import WeightsSettings

# NeMo and what it brings warn about themselves; their warnings are not ours to mend.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def engine(nemo_file: Path) -> SortformerDiarizer:
    return SortformerDiarizer(str(nemo_file), device="cpu")


def voices(seconds: float) -> Pcm:
    """Two buzzes in turns, with pauses: enough for a network of random weights to say something that changes."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    pitch = np.where((time // 3) % 2 == 0, 110.0, 190.0)
    buzz = sum(np.sin(2 * np.pi * np.cumsum(pitch) / 16_000 * harmonic) / harmonic for harmonic in range(1, 20))
    return np.asarray(buzz * ((time % 3) < 2.4) * 5000, np.int16)


def frames_of(engine: SortformerDiarizer, pcm: Pcm, *, live: bool, latency: float, chunk: int) -> list[np.ndarray]:
    decided: list[np.ndarray] = []
    stream = engine.open(DiarizationOptions(live=live, latency=latency))
    decide = stream.decide

    def record(probabilities: np.ndarray) -> None:
        decided.append(probabilities)
        decide(probabilities)

    stream.decide = record  # type: ignore[method-assign]
    for start in range(0, len(pcm), chunk):
        stream.push(pcm[start : start + chunk])
        while not stream.wanted:
            engine.advance([stream])
    stream.finish()
    while not stream.done:
        engine.advance([stream])
    return decided


def test_a_restored_model_has_four_speakers_and_says_what_it_can(engine: SortformerDiarizer) -> None:
    assert engine.capabilities.max_speakers == 4
    assert engine.capabilities.streaming
    assert engine.capabilities.device == "cpu"


def test_steps_decide_every_frame_once_whatever_the_chunks(engine: SortformerDiarizer) -> None:
    pcm = voices(40)
    whole = np.concatenate(frames_of(engine, pcm, live=False, latency=0.0, chunk=len(pcm)))
    pieces = np.concatenate(frames_of(engine, pcm, live=False, latency=0.0, chunk=1777))
    assert len(whole) == round(40 / FRAME)
    assert whole.shape[1] == 4
    np.testing.assert_allclose(whole, pieces, atol=1e-4)


def test_our_steps_give_what_nemos_own_inference_gives(engine: SortformerDiarizer) -> None:
    pcm = voices(40)
    ours = np.concatenate(frames_of(engine, pcm, live=False, latency=0.0, chunk=len(pcm)))
    engine._configure(RECORDING)
    _, tensors = engine._model.diarize(
        audio=[pcm.astype(np.float32) / 32768],
        sample_rate=16_000,
        batch_size=1,
        num_workers=0,
        include_tensor_outputs=True,
        verbose=False,
    )
    theirs = tensors[0].squeeze(0).float().cpu().numpy()
    frames = min(len(ours), len(theirs))
    # NeMo reads features of the whole file at once: they differ in the last digits, and at the very end.
    np.testing.assert_allclose(ours[: frames - 2], theirs[: frames - 2], atol=0.02)


@pytest.mark.parametrize("latency", [10.0, 1.04, 0.32])
def test_live_steps_come_at_the_latency_of_their_preset(engine: SortformerDiarizer, latency: float) -> None:
    pcm = voices(14)
    stream = engine.open(DiarizationOptions(live=True, latency=latency))
    settled = told = 0.0
    for start in range(0, len(pcm), 800):
        stream.push(pcm[start : start + 800])
        while not stream.wanted:
            engine.advance([stream])
        for event in stream.take():
            if isinstance(event, Settled):
                settled = event.time
                told = stream._turns.seconds
        received = (start + 800) / 16_000
        assert received - told <= latency + 0.16 or received < latency + 0.16
    assert 0 <= settled <= told


def test_presets_are_the_cheapest_that_are_fast_enough() -> None:
    assert live_preset(30.0) is LIVE[0]
    assert live_preset(2.0) is LIVE[1]
    assert live_preset(0.1) is LIVE[-1]


async def test_the_service_runs_it_and_gives_crowds_to_another_engine(nemo_file: Path) -> None:
    settings = DiarizationSettings(
        engine="sortformer", crowd_engine="scripted", sortformer_model=str(nemo_file), device="cpu", port=0
    )
    process = Process(settings, WeightsSettings())
    await process.load()
    try:
        async with running_server(process.register, settings=settings) as address:
            file = await diarize(address, voices(20))
            assert file.ready.engine == "sortformer"
            assert file.ready.max_speakers == 4
            assert file.done.usage.audio_seconds == pytest.approx(20)
            assert all(turn.speaker <= 4 and not turn.provisional for turn in file.turns)
            live = await diarize(address, voices(20), live=True, latency=10.0)
            assert live.ready.latency_milliseconds == 10_000
            assert live.horizons == sorted(live.horizons)
            assert live.horizons[-1] == pytest.approx(20, abs=0.1)
            crowd = await diarize(address, voices(5), speakers=6)
            assert crowd.ready.engine == "scripted"
            assert (await runtime(address)).accelerators[0].kind == "cpu"
    finally:
        await process.close()


async def test_more_speakers_than_any_engine_has_are_refused(nemo_file: Path) -> None:
    settings = DiarizationSettings(
        engine="sortformer", crowd_engine="", sortformer_model=str(nemo_file), device="cpu", port=0
    )
    process = Process(settings, WeightsSettings())
    await process.load()
    try:
        async with running_server(process.register, settings=settings) as address:
            with pytest.raises(InvalidArgument) as refused:
                await diarize(address, voices(5), speakers=5)
            assert refused.value.reason == "too_many_speakers"
    finally:
        await process.close()


def test_turns_are_cut_where_the_louder_speaker_changes(engine: SortformerDiarizer) -> None:
    from inference.engines.sortformer.turns import TurnMaker

    maker = TurnMaker()
    maker.add(np.array([[0.9, 0, 0, 0], [0.9, 0.6, 0, 0], [0.6, 0.9, 0, 0], [0, 0.9, 0, 0]], np.float32))
    turns = maker.finish(0.32)
    assert [(turn.speaker, round(turn.start, 2), round(turn.end, 2), turn.overlapped) for turn in turns] == [
        (1, 0.0, 0.16, False),
        (2, 0.08, 0.16, True),
        (1, 0.16, 0.24, True),
        (2, 0.16, 0.32, False),
    ]
    assert all(isinstance(turn, Turn) for turn in turns)
