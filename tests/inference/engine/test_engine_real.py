"""The engine with the embedded weights and real speech."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from inference.catalogue import CATALOGUE
from inference.endpointing import FILE_POLICY
from inference.engines.faster_whisper import FasterWhisperEngine
from inference.engines.whisper.ladder import Tuning
from inference.language import vote
from inference.listening import Listener
from inference.types import SAMPLE_RATE, Decoded, DecodingOptions, Pcm, Span, Window, Word
from inference.voice import silero
from tests.audio import (
    TRANSCRIPTS,
    clip_pcm,
    music,
    packaged_clip,
    shared_clip,
    shared_manifest,
    silence,
    tone,
    white_noise,
)
from tests.decodings import assert_alike
from weights.settings import WeightsSettings

pytestmark = pytest.mark.real

ENGLISH = DecodingOptions(language="en")


@pytest.fixture(scope="module")
def folder() -> Path:
    return WeightsSettings().store().fetch(CATALOGUE["base"].weights[0])


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[FasterWhisperEngine]:
    engine = FasterWhisperEngine.load(folder, device="cpu", workers=1, threads=1, max_batch=8)
    yield engine
    engine.close()


def windows_of(pcm: Pcm, *, target: float = FILE_POLICY.target) -> list[Window]:
    """Cut a recording as a session does, into shorter windows if asked."""
    listener = Listener(silero()(), replace(FILE_POLICY, target=target))
    listener.append(pcm)
    return [heard for heard in [*listener.hear(), *listener.finish()] if isinstance(heard, Window)]


def words_of(results: list[Decoded]) -> list[Word]:
    return [word for result in results for segment in result.segments for word in segment.words]


def bare(text: str) -> list[str]:
    return "".join(character for character in text.lower() if character.isalnum() or character == " ").split()


def test_speech_becomes_words_inside_their_segments(engine: FasterWhisperEngine) -> None:
    pcm = clip_pcm(packaged_clip("two_cities.wav"))
    windows = windows_of(pcm)
    results = engine.transcribe(windows, [ENGLISH] * len(windows))
    heard = bare(" ".join(segment.text for result in results for segment in result.segments))
    known = bare(TRANSCRIPTS["two_cities.wav"])
    assert len(set(known) - set(heard)) <= 3
    assert abs(len(known) - len(heard)) <= 4
    assert len([segment for result in results for segment in result.segments]) > 8
    for result in results:
        for segment in result.segments:
            assert 0.6 < segment.confidence <= 1.0
            assert segment.text.split() == [word.text for word in segment.words]
            assert segment.start == segment.words[0].start
            assert segment.end == max(word.end for word in segment.words)
    words = words_of(results)
    assert all(0 <= word.start <= word.end <= len(pcm) / SAMPLE_RATE for word in words)
    assert all(first.start <= second.start for first, second in pairwise(words))
    assert all(0.0 <= word.confidence <= 1.0 for word in words)


def test_a_window_that_says_more_than_an_answer_holds_is_decoded_in_halves(folder: Path) -> None:
    """Languages whose letters take several tokens fill the decoder's 224 long before 30 s; here the bound is lower."""
    window = windows_of(clip_pcm(packaged_clip("two_cities.wav"))[: 13 * SAMPLE_RATE])[0]
    engines = [
        FasterWhisperEngine.load(folder, device="cpu", workers=workers, tuning=Tuning(most_tokens=24))
        for workers in (1, 2)
    ]
    results, with_idle_cores = (engine.transcribe([window], [ENGLISH]) for engine in engines)
    for engine in engines:
        engine.close()
    assert_alike(results, with_idle_cores)
    heard = bare(" ".join(segment.text for result in results for segment in result.segments))
    known = bare(TRANSCRIPTS["two_cities.wav"])[: len(heard)]
    assert len(heard) > 26
    assert sum(one == other for one, other in zip(heard, known, strict=True)) >= len(heard) - 3


def test_windows_at_once_give_what_each_gives_alone(engine: FasterWhisperEngine) -> None:
    windows = windows_of(clip_pcm(packaged_clip("two_cities.wav"))[: 24 * SAMPLE_RATE], target=3.0)
    windows += windows_of(clip_pcm(packaged_clip("beckett.wav")))
    assert len({engine.bucket(window, ENGLISH) for window in windows}) < len(windows) > 4
    options = [DecodingOptions(language=language) for language in ("en", "", "fr")]
    mixed = [options[min(index, 2)] for index in range(len(windows))]
    together = engine.transcribe(windows, mixed)
    alone = [engine.transcribe([window], [one])[0] for window, one in zip(windows, mixed, strict=True)]
    assert_alike(together, alone)


def test_words_after_a_pause_start_where_they_are_heard(engine: FasterWhisperEngine) -> None:
    """Silence is put between the sentences: a start inside it would be the old fault of swallowing the pause."""
    pcm = clip_pcm(packaged_clip("beckett.wav"))
    (window,) = windows_of(pcm)
    middles = [round((one.end + two.start) / 2 * SAMPLE_RATE) for one, two in pairwise(window.speech)]
    gap = SAMPLE_RATE // 2
    parts = np.split(pcm, middles)
    spread = np.concatenate([piece for part in parts for piece in (part, np.zeros(gap, np.int16))])
    (window,) = windows_of(spread)
    words = words_of(engine.transcribe([window], [ENGLISH]))
    assert len(words) >= 11
    quiet = [
        Span((cut + gap * index) / SAMPLE_RATE, (cut + gap * (index + 1)) / SAMPLE_RATE)
        for index, cut in enumerate(middles)
    ]
    for pause in quiet:
        assert not [word for word in words if pause.start + 0.05 < word.start < pause.end - 0.05]
        after = min(word.start for word in words if word.start >= pause.end - 0.05)
        onset = min(span.start for span in window.speech if span.start >= pause.end - 0.05)
        assert after == pytest.approx(onset, abs=0.2)


def test_digits_start_within_a_tenth_of_a_second(engine: FasterWhisperEngine) -> None:
    import json

    known = json.loads(shared_clip("words/digits_jackson.json").read_text())["words"]
    windows = windows_of(clip_pcm(shared_clip("digits_jackson.flac")))
    words = words_of(engine.transcribe(windows, [ENGLISH] * len(windows)))
    nearest = [min(abs(word.start - one["start"]) for word in words) for one in known]
    assert np.median(nearest) <= 0.1
    assert abs(len(words) - len(known)) <= 2


@pytest.mark.parametrize(
    "pcm",
    [silence(5), white_noise(5), music(5), tone(5)],
    ids=["silence", "noise", "music", "tone"],
)
def test_no_words_are_invented_even_where_voice_activity_is_mistaken(engine: FasterWhisperEngine, pcm: Pcm) -> None:
    window = Window(0.0, pcm, (Span(0.0, len(pcm) / SAMPLE_RATE),))
    for result in engine.transcribe([window, window], [ENGLISH, DecodingOptions()]):
        assert result.segments == ()


def test_custom_words_are_heard(engine: FasterWhisperEngine) -> None:
    windows = windows_of(clip_pcm(packaged_clip("beckett.wav")))
    options = DecodingOptions(language="en", prompt="ever tryed. ever fayled. no matter.")
    (result,) = engine.transcribe(windows, [options])
    (plain,) = engine.transcribe(windows, [ENGLISH])
    assert plain.segments[0].text[0].isupper()
    assert result.segments[0].text[0].islower()


def test_a_draft_is_quick_text(engine: FasterWhisperEngine) -> None:
    (window,) = windows_of(clip_pcm(packaged_clip("beckett.wav")))
    draft = DecodingOptions(language="en", draft=True, words=False)
    (result,) = engine.transcribe([window], [draft])
    assert "no matter" in " ".join(segment.text.lower() for segment in result.segments)
    assert all(not segment.words for segment in result.segments)
    (result,) = engine.transcribe([window], [replace(draft, words=True)])
    assert len(words_of([result])) >= 11


def test_the_language_is_found(engine: FasterWhisperEngine) -> None:
    windows = windows_of(clip_pcm(packaged_clip("beckett.wav")))
    language, share = vote(engine.detect(windows), [window.duration for window in windows])
    assert (language, share > 0.5) == ("en", True)


def test_scripts_without_spaces(engine: FasterWhisperEngine) -> None:
    row = shared_manifest()["ja_picovoice.flac"]
    (window,) = windows_of(clip_pcm(shared_clip("ja_picovoice.flac")))
    (result,) = engine.transcribe([window], [DecodingOptions()])
    assert result.language == "ja"
    words = words_of([result])
    assert not any(word.space_before for word in words)
    assert "".join(segment.text for segment in result.segments) == "".join(word.text for word in words)
    assert len(set(row["text"]) & set("".join(word.text for word in words))) > 12
