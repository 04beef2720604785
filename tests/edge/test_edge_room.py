"""Room for recordings: what is taken on before bodies are read."""

from contextlib import ExitStack
from dataclasses import replace

import pytest

from edge.convert import Runtime
from edge.room import FIRST_GUESS, SHARE, Room
from rpc.errors import Overloaded

IDLE = Runtime(
    None, 0, streams=0, stream_limit=0, slots=1, queued=0, queue_limit=400, queue_delay=0, pace=10, draining=False
)
SEEN = {"a": IDLE}


def taken(room: Room, stack: ExitStack, length: int | None = None, *, seconds: float | None = None) -> int:
    """How many requests get a place until one is refused."""
    for count in range(1000):
        try:
            place = stack.enter_context(room.place(SEEN, length))
        except Overloaded:
            return count
        place.seconds = seconds
    raise AssertionError("nobody was ever refused")


def test_requests_are_refused_before_anything_is_known_of_them() -> None:
    with ExitStack() as stack:
        assert taken(Room(), stack) == round(IDLE.queue_limit / (IDLE.queue_limit * SHARE))


def test_short_bodies_count_for_no_more_than_they_can_hold() -> None:
    with ExitStack() as stack:
        assert taken(Room(), stack, 10_000) == round(IDLE.queue_limit / 10)


def test_long_recordings_leave_room_for_as_many_as_their_share_allows() -> None:
    with ExitStack() as stack:
        assert taken(Room(), stack, seconds=36_000) == round(1 / SHARE)


def test_what_is_worked_off_makes_room() -> None:
    room = Room()
    with ExitStack() as stack:
        place = stack.enter_context(room.place(SEEN, None))
        place.seconds = 60.0
        taken(room, stack)
        place.done = 60.0
        stack.enter_context(room.place(SEEN, None))
        with pytest.raises(Overloaded), room.place(SEEN, None):
            pass


def test_a_place_is_free_again_when_its_request_ends() -> None:
    room = Room()
    for _ in range(100):
        with ExitStack() as stack:
            assert taken(room, stack) == round(1 / SHARE)


def test_what_the_services_say_counts_too() -> None:
    room = Room()
    full = {"a": replace(IDLE, queued=500.0), "b": replace(IDLE, queued=200.0)}
    with room.place(full, None):
        pass
    full["b"] = replace(IDLE, queued=400.0)
    with pytest.raises(Overloaded) as refused, room.place(full, None):
        pass
    # 100 s too much and a tenth of the bound, 800 s, at 20 s a second.
    assert refused.value.retry_after == pytest.approx((100 + 80) / 20)


def test_services_without_a_bound_take_everything() -> None:
    room = Room()
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(room.place({"a": replace(IDLE, queue_limit=0)}, None))


def test_the_next_recording_is_taken_for_what_the_last_ones_were() -> None:
    room = Room()
    for _ in range(40):
        with room.place(SEEN, None) as place:
            assert place.owed <= FIRST_GUESS
            place.seconds = 5.0
    with ExitStack() as stack:
        assert taken(room, stack) == pytest.approx(IDLE.queue_limit / 5, abs=2)
