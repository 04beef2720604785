"""Finals that are decoded before their pause is over: the same audio, and nothing heard twice."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import pytest

from inference.endpointing import LIVE_POLICY
from inference.engines.scripted import Script, ScriptedEngine
from inference.events import Done
from inference.listening import Listener
from inference.live import LiveBounds, LiveSession
from inference.scheduler import BatchPolicy, Scheduler
from inference.session import Hearing
from inference.tentative import Company, DraftBounds
from inference.types import SAMPLE_RATE, Decoded, DecodingOptions, Pcm, Priority, Segment, Window
from inference.voice import Loudness
from tests.scripted_transcription import speech

TALK = speech((0.5, 3.0), (3.9, 6.0), (6.25, 7.0), (8.0, 9.5), seconds=11.0)


class Attentive(ScriptedEngine):
    """Keeps the windows that it was asked for."""

    def __init__(self) -> None:
        super().__init__(Script())
        self.windows: list[tuple[float, float]] = []

    def transcribe(self, windows: Sequence[Window], options: Sequence[DecodingOptions]) -> list[Decoded]:
        self.windows += [(window.start, window.end) for window in windows]
        return super().transcribe(windows, options)


class Held(ScriptedEngine):
    """One worker, which does nothing before it is let go."""

    def __init__(self) -> None:
        super().__init__(Script(workers=1))
        self.go = threading.Event()
        self.asked: list[bool] = []
        """Whether each call was for a draft."""

    def transcribe(self, windows: Sequence[Window], options: Sequence[DecodingOptions]) -> list[Decoded]:
        self.asked.append(options[0].draft)
        assert self.go.wait(60)
        return super().transcribe(windows, options)


def opened(scheduler: Scheduler, threads: Executor, company: Company, *, interim: bool) -> LiveSession:
    return LiveSession(
        Hearing(scheduler, threads),
        Listener(Loudness(), LIVE_POLICY),
        DecodingOptions(language="en"),
        interim=interim,
        bounds=LiveBounds(),
        company=company,
    )


async def listened(pcm: Pcm, *, chunk: int) -> tuple[list[Segment], list[tuple[float, float]]]:
    """Segments and windows of a live stream without interims; each piece of audio waits for the engine."""
    engine = Attentive()
    scheduler = Scheduler(engine, BatchPolicy(max_batch=8, max_wait=0.0, queue_seconds=100.0))
    found: list[Segment] = []
    with ThreadPoolExecutor(1) as threads:
        session = opened(scheduler, threads, Company(DraftBounds()), interim=False)
        done = False
        for at in range(0, len(pcm), chunk):
            await session.feed(pcm[at : at + chunk])
            while scheduler.slots_in_use:
                await asyncio.sleep(0.001)
            found += [event for event in session.take() if isinstance(event, Segment)]
        await session.finish()
        while not done:
            fired = session.changed.fired
            events = session.take()
            found += [event for event in events if isinstance(event, Segment)]
            done = any(isinstance(event, Done) for event in events)
            if not done:
                await fired
        session.close()
    await scheduler.close()
    return found, engine.windows


@pytest.mark.parametrize("chunk", [480, 1600, 4000, 16_000])
async def test_a_final_is_made_of_the_same_audio_however_messages_are_cut(chunk: int) -> None:
    whole, _ = await listened(TALK, chunk=len(TALK))
    pieces, windows = await listened(TALK, chunk=chunk)
    assert pieces == whole
    _, closed = await listened(TALK, chunk=len(TALK))
    assert set(closed) <= set(windows)


async def test_a_click_costs_no_second_decoding() -> None:
    talk = speech((0.5, 3.0), seconds=4.5)
    click = talk.copy()
    click[round(3.3 * SAMPLE_RATE) : round(3.34 * SAMPLE_RATE)] = np.int16(8000)
    plain, once = await listened(talk, chunk=1600)
    clicked, windows = await listened(click, chunk=1600)
    assert windows == once
    assert len(windows) == 1
    assert clicked == plain


async def test_a_guess_that_is_overtaken_by_speech_is_not_the_final() -> None:
    _, windows = await listened(speech((0.5, 3.0), (3.3, 5.0), seconds=6.5), chunk=1600)
    assert [round(start, 1) for start, _ in windows] == [0.2, 0.2]
    assert windows[0][1] < windows[1][1]


async def test_a_guess_goes_before_drafts_and_waits_for_finals() -> None:
    engine = Held()
    scheduler = Scheduler(engine, BatchPolicy(max_batch=1, max_wait=0.0, queue_seconds=100.0))
    company = Company(DraftBounds())
    with ThreadPoolExecutor(1) as threads:
        speaking, pausing, another = (opened(scheduler, threads, company, interim=yes) for yes in (True, False, False))
        drafted = opened(scheduler, threads, company, interim=True)
        for session in (speaking, drafted):  # the first draft is in the engine, the second one waits
            await session.feed(speech((0.5, 2.0), seconds=2.0))
        assert scheduler.queued_seconds == 0.0, "drafts are not counted"
        for session in (pausing, another):
            await session.feed(speech((0.5, 2.0), seconds=2.25))
            if session is pausing:
                assert scheduler.queued_seconds > 0.0
                queued = scheduler.queued_seconds
        assert scheduler.queued_seconds == queued, "no second guess is made where a final waits"
        engine.go.set()
        while scheduler.slots_in_use:
            await asyncio.sleep(0.001)
        assert engine.asked == [True, False, True]
        assert not scheduler.waiting(Priority.FINAL)
        for session in (speaking, drafted, pausing, another):
            session.close()
    await scheduler.close()
