"""The parts of a live stream by themselves: speakers learned late, audio that is kept, seconds that are held."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.events import Horizon, Merged
from edge.live.meter import Meter
from edge.live.ring import KEPT_SECONDS, Ring
from edge.live.speakers import LiveSpeakers
from edge.policy.unlimited import OpenAdmission
from edge.reading import AudioGone, Reading
from edge.types import BYTES_PER_SECOND, Segment, Turn, Word


def segment(text: str, start: float) -> Segment:
    words = tuple(Word(t, start + i / 2, start + i / 2 + 0.5, 1.0) for i, t in enumerate(text.split()))
    return Segment(text, start, words[-1].end, words, 1.0, "en")


def said(segments: list[Segment]) -> list[tuple[str, int | None]]:
    return [(s.text, s.speaker) for s in segments]


def test_what_is_known_is_told_and_the_rest_corrected() -> None:
    speakers = LiveSpeakers()
    assert said(speakers.label(segment("one two", 0))) == [("one two", None)]
    assert speakers.take(Turn(0, 1, 7)) == []
    assert said(speakers.label(segment("three four", 1))) == [("three four", 1)]
    assert said(speakers.take(Horizon(1.0))) == [("one two", 1)]
    speakers.take(Turn(0.9, 2, 4))
    # The second segment was another one's after all; numbers are given in the order of their first use.
    assert said(speakers.take(Horizon(2.0))) == [("three four", 2)]
    assert speakers.finish() == []


def test_a_segment_of_two_is_cut_by_a_correction() -> None:
    speakers = LiveSpeakers()
    speakers.take(Turn(0, 2, 1))
    assert said(speakers.label(segment("a b. c d", 0))) == [("a b. c d", 1)]
    speakers.take(Horizon(0.0))
    speakers.take(Turn(0, 1, 1))
    speakers.take(Turn(1, 2, 2))
    assert said(speakers.finish()) == [("a b.", 1), ("c d", 2)]


def test_provisional_turns_are_replaced() -> None:
    speakers = LiveSpeakers()
    speakers.take(Turn(0, 4, 1))
    speakers.take(Horizon(1.0))
    speakers.take(Turn(1, 4, 2))
    assert said(speakers.label(segment("a b", 2))) == [("a b", 1)]
    assert said(speakers.label(segment("z", 0.2))) == [("z", 2)]


def test_two_numbers_that_are_one_voice() -> None:
    speakers = LiveSpeakers()
    speakers.take(Turn(0, 1, 1))
    speakers.take(Turn(1, 2, 2))
    assert said(speakers.label(segment("a b", 0))) == [("a b", 1)]
    assert said(speakers.label(segment("c d", 1))) == [("c d", 2)]
    assert speakers.take(Merged(2, 1)) == []
    assert said(speakers.take(Horizon(2.0))) == [("c d", 1)]


async def test_audio_is_kept_until_it_is_final() -> None:
    ring = Ring()
    reading = Reading(ring, 0.0)
    for value in range(4):
        await ring.append(bytes([value]) * BYTES_PER_SECOND)
        assert (await anext(reading))[0] == value
    ring.keep_from(2.0)
    again = Reading(ring, 2.0)
    assert (await anext(again))[0] == 2
    with pytest.raises(AudioGone):
        await anext(Reading(ring, 1.0))
    ring.finish()
    assert [len(data) async for data in reading] == []
    assert ring.received == 4.0


async def test_memory_is_bounded_when_nothing_becomes_final() -> None:
    ring = Ring()
    reading = Reading(ring, 0.0)
    for _ in range(round(KEPT_SECONDS) + 30):
        await ring.append(bytes(BYTES_PER_SECOND))
        await anext(reading)
    assert len(ring._audio) <= KEPT_SECONDS * BYTES_PER_SECOND
    with pytest.raises(AudioGone):
        await anext(Reading(ring, 0.0))


async def test_a_reader_can_be_stopped_while_it_waits() -> None:
    ring = Ring()
    reading = Reading(ring, 0.0)
    waiting = asyncio.create_task(anext(reading, None))
    await asyncio.sleep(0)
    reading.stop()
    assert await waiting is None


class Held(OpenAdmission):
    def __init__(self) -> None:
        super().__init__(1)
        self.held: list[float] = []
        self.settled: list[float] = []

    async def hold(self, seconds: float) -> None:
        self.held.append(seconds)

    async def settle(self, seconds: float) -> None:
        self.settled.append(seconds)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 100), max_size=20))
def test_a_minute_is_held_ahead_and_all_is_settled_once(steps: list[float]) -> None:
    async def check() -> None:
        admission = Held()
        meter = Meter(admission)
        total = 0.0
        await meter.count(0.0)
        for step in steps:
            total += step
            await meter.count(total)
            assert admission.held[-1] >= total - 1e-6
            assert admission.held[-1] % 60 == 0
            assert admission.held[-1] - total < 60 + 1e-6
        await meter.settle()
        await meter.settle()
        assert admission.held == sorted(set(admission.held))
        assert admission.settled == ([total] if steps else [])

    asyncio.run(check())
