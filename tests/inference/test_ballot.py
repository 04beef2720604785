"""Whose audio is looked at for the language of a recording."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inference.ballot import VOTER_SECONDS, VOTERS, WHOLE_SECONDS, count, voters
from inference.convert import StreamConfig
from inference.engines.scripted import Script, ScriptedEngine
from inference.events import Done, Event, LanguageDetected, Planned
from inference.intake import AudioForm
from inference.live import LiveBounds
from inference.scheduler import BatchPolicy, Scheduler
from inference.sessions import SessionPolicy, Sessions
from inference.types import SAMPLE_RATE, Decoded, DecodingOptions, LanguageScores, Pcm, Span, Window
from inference.voice import loudness
from tests.scripted_transcription import speech

SHORT = speech((2.0, 3.0), (5.2, 6.0), seconds=7.0)
"""Two windows, since two seconds of silence part them."""
LONGER = speech((2.0, 3.0), seconds=WHOLE_SECONDS + 1)


class Watched(ScriptedEngine):
    """Notes what it is asked: lengths of the audio that votes, languages of what is decoded."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.voted: list[float] = []
        self.languages: list[str] = []

    def detect(self, windows: Sequence[Window]) -> list[LanguageScores]:
        """Score, and note the lengths."""
        self.voted += [window.duration for window in windows]
        return super().detect(windows)

    def transcribe(self, windows: Sequence[Window], options: Sequence[DecodingOptions]) -> list[Decoded]:
        """Decode, and note the languages."""
        self.languages += [each.language for each in options]
        return super().transcribe(windows, options)


async def hear(pcm: Pcm, *, size: int, language: str = "", plan: bool = False) -> tuple[Watched, list[Event]]:
    engine = Watched(Script(language="de"))
    scheduler = Scheduler(engine, BatchPolicy(8, 0.0, 1e6))
    options = DecodingOptions(language=language)
    config = StreamConfig("", False, False, AudioForm(), options, None, None, plan_only=plan)
    events: list[Event] = []
    with ThreadPoolExecutor(1) as threads:
        sessions = Sessions(loudness(), SessionPolicy(LiveBounds()), threads=threads)
        with sessions.session(config, scheduler) as session:
            for at in range(0, len(pcm), size):
                await session.feed(pcm[at : at + size])
            await session.finish()
            while not any(isinstance(event, Done) for event in events):
                changed = session.changed.fired
                if not (taken := session.take()):
                    await asyncio.wait_for(changed, 10)
                events += taken
        await scheduler.close()
    return engine, events


@pytest.mark.parametrize("size", [700, 16_000, 1_000_000])
@pytest.mark.parametrize("plan", [False, True])
async def test_a_short_recording_is_looked_at_whole(size: int, plan: bool) -> None:
    engine, events = await hear(SHORT, size=size, plan=plan)
    assert engine.voted == [7.0]
    assert LanguageDetected("de", 1.0) in events
    # What is decoded is cut at the speech as ever.
    assert engine.languages == ([] if plan else ["de", "de"])
    assert sum(isinstance(event, Planned) for event in events) == (2 if plan else 0)


@pytest.mark.parametrize("size", [700, 16_000, 1_000_000])
async def test_a_single_window_of_more_audio_finds_its_language_while_it_is_decoded(size: int) -> None:
    engine, events = await hear(LONGER, size=size)
    assert engine.voted == []
    assert engine.languages == [""]
    assert LanguageDetected("de", 1.0) in events


async def test_a_known_language_needs_no_ballot() -> None:
    engine, _ = await hear(SHORT, size=16_000, language="fr")
    assert engine.voted == []
    assert engine.languages == ["fr", "fr"]


async def test_silence_has_no_ballot() -> None:
    engine, events = await hear(np.zeros(3 * SAMPLE_RATE, np.int16), size=16_000)
    assert engine.voted == engine.languages == []
    assert [event.language for event in events if isinstance(event, Done)] == [""]


def test_the_beginnings_of_the_first_windows_vote() -> None:
    windows = [
        Window(20.0 * n, np.zeros(15 * SAMPLE_RATE, np.int16), (Span(20.0 * n, 20.0 * n + 3),)) for n in range(5)
    ]
    asked = voters(windows)
    assert [window.start for window in asked] == [0.0, 20.0, 40.0][:VOTERS]
    assert {window.duration for window in asked} == {VOTER_SECONDS}


def test_who_speaks_longer_counts_more() -> None:
    windows = [
        Window(0.0, np.zeros(16_000, np.int16), (Span(0.0, 1.0),)),
        Window(2.0, np.zeros(16_000 * 9, np.int16), (Span(2.0, 10.0),)),
    ]
    scores = [LanguageScores({"en": 0.9, "de": 0.1}), LanguageScores({"en": 0.1, "de": 0.9})]
    assert count(windows, scores)[0] == "de"
    assert count(windows, scores[::-1])[0] == "en"
