"""What a stream holds does not grow with its length."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inference.agreement import Hypothesis, joined
from inference.convert import StreamConfig
from inference.endpointing import FILE_POLICY, LIVE_POLICY
from inference.engines.scripted import Script, ScriptedEngine
from inference.events import Done
from inference.intake import AudioForm
from inference.listening import Listener
from inference.live import LiveBounds
from inference.scheduler import BatchPolicy, Scheduler
from inference.session import Session
from inference.sessions import SessionPolicy, Sessions
from inference.tape import Tape
from inference.types import SAMPLE_RATE, DecodingOptions, Window
from inference.voice import Loudness, loudness, silero
from tests.audio import clip_pcm, packaged_clip, white_noise
from tests.scripted_transcription import speech

MINUTES = 60


async def through(session: Session, *, minutes: int) -> tuple[int, Done]:
    """Send speech with pauses and one silence; return the most audio that was held, in samples, and the end."""
    minute = speech((0.0, 7.0), (7.6, 31.0), (33.0, 50.0), seconds=60.0)
    held = 0
    for _ in range(minutes):
        for at in range(0, len(minute), SAMPLE_RATE):
            await session.feed(minute[at : at + SAMPLE_RATE])
            held = max(held, session._listener._tape.end - session._listener._tape.start)  # type: ignore[attr-defined]
            session.take()
    await session.finish()
    while True:
        changed = session.changed.fired
        for event in session.take():
            if isinstance(event, Done):
                return held, event
        await changed


@pytest.mark.parametrize("live", [False, True])
async def test_an_hour_holds_no_more_than_a_minute(live: bool) -> None:
    engine = ScriptedEngine(Script())
    scheduler = Scheduler(engine, BatchPolicy(8, 0.0, 1e6))
    config = StreamConfig("", live, False, AudioForm(), DecodingOptions(language="en"), None, None)
    with ThreadPoolExecutor(1) as threads:
        sessions = Sessions(loudness(), SessionPolicy(LiveBounds()), threads=threads)
        with sessions.session(config, scheduler) as session:
            held, done = await asyncio.wait_for(through(session, minutes=MINUTES), 120)
        await scheduler.close()
    assert done.audio_seconds == MINUTES * 60.0
    assert held <= 32 * SAMPLE_RATE


def test_tape_forgets_and_reads() -> None:
    tape, whole = Tape(), np.arange(10_000, dtype=np.int16)
    for at in range(0, len(whole), 97):
        tape.append(whole[at : at + 97])
    assert (tape.read(50, 5000) == whole[50:5000]).all()
    tape.forget(4321)
    assert (tape.start, tape.end) == (4321, 10_000)
    assert (tape.read(0, 20_000) == whole[4321:]).all()


def test_voices_are_found_whatever_the_chunks() -> None:
    """Silero's state is carried from call to call, so that the windows do not depend on how audio comes."""
    pcm = clip_pcm(packaged_clip("beckett.wav"))
    windows = []
    for size in (512, 1000, 32_000, len(pcm)):
        listener = Listener(silero()(), FILE_POLICY)
        heard = []
        for at in range(0, len(pcm), size):
            if listener.append(pcm[at : at + size]):
                heard += listener.hear()
        heard += listener.finish()
        windows.append([(each.start, each.end) for each in heard if isinstance(each, Window)])
    assert windows[0]
    assert windows[0] == windows[1] == windows[2] == windows[3]


def test_noise_is_no_voice() -> None:
    listener = Listener(silero()(), LIVE_POLICY)
    listener.append(white_noise(10.0))
    assert not [each for each in listener.hear() + listener.finish() if isinstance(each, Window)]


def test_sound_is_voice_to_the_scripted_service() -> None:
    assert Loudness()(np.full((2, 512), 0.1, np.float32)).tolist() == [1.0, 1.0]
    assert Loudness()(np.zeros((2, 512), np.float32)).tolist() == [0.0, 0.0]


def test_what_two_hypotheses_share_is_stable() -> None:
    first = Hypothesis().follow("And so my")
    second = first.follow("and so, my fellow")
    assert first.stable == 0
    assert second.text[: second.stable] == "and so, my"
    assert second.follow("Something else").stable == 0
    assert Hypothesis("今日は").follow("今日も").stable == 2
    both = joined([Hypothesis("All of it.", 10), second])
    assert both.text[: both.stable] == "All of it. and so, my"
    assert joined([Hypothesis("Not all", 3), second]).stable == 3
