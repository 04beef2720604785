"""The engine with a tiny random model of large-v3's layout: what must hold whatever the weights say."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.engines.faster_whisper import FasterWhisperEngine, build
from inference.engines.whisper.ladder import Tuning
from inference.types import SAMPLE_RATE, DecodingOptions, Span, Window
from tests.decodings import assert_alike
from tests.random_whisper import write_random_whisper


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_whisper(tmp_path_factory.mktemp("random-whisper"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[FasterWhisperEngine]:
    engine = FasterWhisperEngine.load(folder, device="cpu", compute_type="int8", max_batch=3, tuning=Tuning(beam=3))
    yield engine
    engine.close()


def window(seconds: float, *, start: float = 0.0, seed: int = 0) -> Window:
    noise = np.random.default_rng(seed).normal(0, 3000, round(seconds * SAMPLE_RATE))
    return Window(start, noise.astype(np.int16), (Span(start, start + seconds),))


WINDOWS = [window(seconds, start=10.0 * index, seed=index) for index, seconds in enumerate((1.2, 4.0, 9.0, 2.1, 3.3))]
OPTIONS = [
    DecodingOptions(language="en"),
    DecodingOptions(),
    DecodingOptions(language="ja"),
    DecodingOptions(language="de", hotwords="abc"),
    DecodingOptions(prompt="some words before"),
]


def test_it_knows_the_languages_and_bands_of_large_v3(engine: FasterWhisperEngine) -> None:
    assert len(engine.capabilities.languages) == 100
    assert {"en", "zh", "yue"} <= set(engine.capabilities.languages)
    assert engine.capabilities.max_batch == 3
    assert engine.capabilities.device == "cpu"


@pytest.mark.parametrize("draft", [False, True])
def test_a_mixed_batch_gives_what_each_window_gives_alone(engine: FasterWhisperEngine, draft: bool) -> None:
    options = [replace(one, draft=draft) for one in OPTIONS]
    together = engine.transcribe(WINDOWS, options)
    alone = [engine.transcribe([window], [one])[0] for window, one in zip(WINDOWS, options, strict=True)]
    assert_alike(together, alone)


def test_what_is_urgent_gets_the_same_text(engine: FasterWhisperEngine) -> None:
    patient = [engine.transcribe([window], [one])[0] for window, one in zip(WINDOWS, OPTIONS, strict=True)]
    urgent = [
        engine.transcribe([window], [replace(one, urgent=True)])[0]
        for window, one in zip(WINDOWS, OPTIONS, strict=True)
    ]
    assert_alike(urgent, patient)


def test_what_it_makes_of_noise_is_kept_or_said_to_be_dropped(engine: FasterWhisperEngine) -> None:
    results = engine.transcribe(WINDOWS, OPTIONS)
    assert any(result.segments or result.dropped for result in results)
    for window, result in zip(WINDOWS, results, strict=True):
        spans = [(one.start, one.end) for one in result.segments]
        spans += [(note.span.start, note.span.end) for note in result.dropped]
        assert all(window.start <= start <= end <= window.end + 1e-6 for start, end in spans)
        assert all(note.reason for note in result.dropped)


def test_a_bucket_holds_what_shares_a_pass(engine: FasterWhisperEngine) -> None:
    english = DecodingOptions(language="en")
    assert engine.bucket(window(3.0), english) == engine.bucket(window(3.1), DecodingOptions(language="fr"))
    assert engine.bucket(window(3.0), english) != engine.bucket(window(14.0), english)
    assert engine.bucket(window(3.0), english) != engine.bucket(window(3.0), replace(english, draft=True))
    assert engine.bucket(window(3.0), english) != engine.bucket(window(3.0), replace(english, hotwords="Verbatim"))


def test_scores_of_languages_sum_to_one(engine: FasterWhisperEngine) -> None:
    for scores in engine.detect(WINDOWS):
        assert sum(scores.scores.values()) == pytest.approx(1.0, abs=1e-3)
        assert set(scores.scores) == set(engine.capabilities.languages)


def test_languages_are_scored_the_same_alone(engine: FasterWhisperEngine) -> None:
    for together, window in zip(engine.detect(WINDOWS), WINDOWS, strict=True):
        assert together.scores == pytest.approx(engine.detect([window])[0].scores, abs=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 39, 500, 1601])
def test_a_window_of_next_to_nothing_is_no_failure(engine: FasterWhisperEngine, samples: int) -> None:
    tiny = Window(3.0, np.zeros(samples, np.int16), ())
    for options in (DecodingOptions(language="en"), DecodingOptions(draft=True)):
        (result,) = engine.transcribe([tiny], [options])
        assert all(3.0 <= one.start <= one.end <= tiny.end for one in result.segments)
    assert engine.detect([tiny])[0].scores


def test_an_unknown_language_is_refused(engine: FasterWhisperEngine) -> None:
    with pytest.raises(ValueError, match="xx"):
        engine.transcribe(WINDOWS[:1], [DecodingOptions(language="xx")])


def test_nothing_in_nothing_out(engine: FasterWhisperEngine) -> None:
    assert engine.transcribe([], []) == []
    assert engine.detect([]) == []


def test_long_prompts_are_cut_not_refused(engine: FasterWhisperEngine) -> None:
    options = DecodingOptions(language="en", hotwords="abc " * 400, prompt="def " * 400)
    assert len(engine.transcribe(WINDOWS[:1], [options])) == 1


def test_weights_that_are_none_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"not a model")
    with pytest.raises(RuntimeError):
        build(tmp_path, device="cpu", compute_type="default", workers=1, threads=1, max_batch=1)
