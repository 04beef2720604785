"""Windows that are heard behind what was said before, with the embedded weights and real speech."""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from inference.catalogue import CATALOGUE
from inference.endpointing import LIVE_POLICY
from inference.engines.faster_whisper import FasterWhisperEngine
from inference.listening import Listener
from inference.recall import Recall
from inference.types import Decoded, DecodingOptions, Lead, Span, Window
from inference.voice import silero
from tests.audio import clip_pcm, packaged_clip, silence
from weights.settings import WeightsSettings

pytestmark = pytest.mark.real

ENGLISH = DecodingOptions(language="en")


@pytest.fixture(scope="module")
def engine() -> Iterator[FasterWhisperEngine]:
    folder = WeightsSettings().store().fetch(CATALOGUE["base"].weights[0])
    engine = FasterWhisperEngine.load(folder, device="cpu", workers=1, threads=1, max_batch=8)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def utterances() -> list[Window]:
    """Six sentences of two words each, as a live stream cuts them."""
    listener = Listener(silero()(), LIVE_POLICY)
    listener.append(clip_pcm(packaged_clip("beckett.wav")))
    windows = [heard for heard in [*listener.hear(), *listener.finish()] if isinstance(heard, Window)]
    assert len(windows) >= 5
    return windows


def said(result: Decoded) -> list[str]:
    return re.findall(r"[a-z]+", " ".join(segment.text for segment in result.segments).lower())


def test_utterances_in_a_row_say_each_word_once_and_in_its_window(
    engine: FasterWhisperEngine, utterances: list[Window]
) -> None:
    recall = Recall()
    everything: list[str] = []
    for number, window in enumerate(utterances):
        led, options = recall.before(window, ENGLISH)
        assert (led.lead is None) == (number == 0)
        [result] = engine.transcribe([led], [options])
        for word in (word for segment in result.segments for word in segment.words):
            assert window.start <= word.start <= word.end <= window.end
        everything += said(result)
        recall.remember(led, result)
    assert everything[-6:] == ["try", "again", "fail", "again", "fail", "better"]
    assert len(everything) <= 13


def test_a_lead_in_another_language_or_with_other_words_does_no_harm(
    engine: FasterWhisperEngine, utterances: list[Window]
) -> None:
    before, window = utterances[-2:]
    [alone] = engine.transcribe([window], [ENGLISH])
    foreign = replace(window, lead=Lead(before.pcm, "Noch einmal scheitern.", "de"))
    [result] = engine.transcribe([foreign], [ENGLISH])
    assert said(result) == said(alone) == ["fail", "better"]


def test_a_lead_adds_nothing_where_nothing_is_said(engine: FasterWhisperEngine, utterances: list[Window]) -> None:
    lead = Lead(np.concatenate([each.pcm for each in utterances[-2:]]), "Fail again. Fail better.", "en")
    quiet = Window(50.0, silence(1.5), (Span(50.3, 51.2),), lead)
    [result] = engine.transcribe([quiet], [ENGLISH])
    [alone] = engine.transcribe([replace(quiet, lead=None)], [ENGLISH])
    assert said(result) == said(alone)
    assert not {"fail", "again", "better"} & set(said(result))


def test_windows_with_and_without_leads_share_a_call(engine: FasterWhisperEngine, utterances: list[Window]) -> None:
    first, second = utterances[-2:]
    led = replace(second, lead=Lead(first.pcm, "Fail again.", "en"))
    together = engine.transcribe([first, led], [ENGLISH, ENGLISH])
    alone = [engine.transcribe([window], [ENGLISH])[0] for window in (first, led)]
    assert [said(result) for result in together] == [said(result) for result in alone]
