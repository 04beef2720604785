"""Who is next: fair between sessions, urgent before patient, nothing left of those who went away."""

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.queueing import EXPRESS_SECONDS, Job, WindowQueue
from inference.types import Priority


def job(session: int, cost: float, *, priority: Priority = Priority.FILE, key: str = "k") -> Job[str]:
    return Job(session, priority, key, cost, f"{session}:{cost}")


def drain(queue: WindowQueue[str], *, size: int = 1) -> list[Job[str]]:
    served = []
    while batch := queue.take(lambda mates: min(mates, size), bulk=True):
        served += batch
    return served


def test_a_short_clip_passes_a_long_file() -> None:
    queue: WindowQueue[str] = WindowQueue()
    for _ in range(50):
        queue.push(job(1, 28.0))
    for _ in range(3):
        queue.take(lambda _: 1, bulk=True)
    queue.push(job(2, 3.0))
    assert queue.take(lambda _: 1, bulk=True)[0].session == 2


def test_live_goes_before_file_and_does_not_share_its_batch() -> None:
    queue: WindowQueue[str] = WindowQueue()
    queue.push(job(1, 28.0))
    queue.push(job(2, 3.0, priority=Priority.INTERIM))
    queue.push(job(3, 3.0, priority=Priority.FINAL))
    served = [queue.take(lambda mates: mates, bulk=True)[0].priority for _ in range(3)]
    assert served == [Priority.FINAL, Priority.INTERIM, Priority.FILE]


def test_a_batch_holds_one_key() -> None:
    queue: WindowQueue[str] = WindowQueue()
    for number in range(8):
        queue.push(job(number, 10.0, key="ab"[number % 2]))
    assert len({each.key for each in queue.take(lambda mates: mates, bulk=True)}) == 1


def test_bulk_is_passed_over_where_a_worker_is_kept_free() -> None:
    queue: WindowQueue[str] = WindowQueue()
    while queue.seconds <= EXPRESS_SECONDS:
        queue.push(job(1, 20.0))
    queue.push(job(1, 20.0))
    taken = []
    while batch := queue.take(lambda mates: mates, bulk=False):
        taken += batch
    assert sum(each.cost for each in taken) <= EXPRESS_SECONDS
    assert len(queue) > 0


def test_who_leaves_takes_everything_along() -> None:
    queue: WindowQueue[str] = WindowQueue()
    for session in (1, 2, 1):
        queue.push(job(session, 10.0))
    assert len(queue.leave(1)) == 2
    assert queue.seconds == 10.0
    assert [each.session for each in drain(queue)] == [2]
    assert queue.seconds == 0.0


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([5.0, 15.0, 28.0])), min_size=20, max_size=120))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_backlogged_sessions_get_the_same_service(pushes: list[tuple[int, float]]) -> None:
    """While two sessions both wait, what they were served differs by no more than a window each."""
    queue: WindowQueue[str] = WindowQueue()
    for session, cost in pushes:
        queue.push(job(session, cost))
    waiting = {session: sum(cost for owner, cost in pushes if owner == session) for session, _ in pushes}
    served = dict.fromkeys(waiting, 0.0)
    for each in drain(queue):
        served[each.session] += each.cost
        waiting[each.session] -= each.cost
        backlogged = [session for session, left in waiting.items() if left > 0]
        if len(backlogged) > 1:
            spread = [served[session] for session in backlogged]
            assert max(spread) - min(spread) <= 2 * 28.0


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=60), st.integers(1, 8))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_every_job_is_served_once_and_in_the_order_of_its_session(pushes: list[tuple[int, bool]], size: int) -> None:
    queue: WindowQueue[str] = WindowQueue()
    pushed = [job(session, 10.0, key=str(odd)) for session, odd in pushes]
    for each in pushed:
        queue.push(each)
    served = drain(queue, size=size)
    assert {id(each) for each in served} == {id(each) for each in pushed}
    assert len(served) == len(pushed)
    assert len(queue) == 0


def test_a_long_recording_is_long_work_from_its_first_window() -> None:
    queue: WindowQueue[str] = WindowQueue()
    queue.foresee(1, EXPRESS_SECONDS + 1)
    queue.foresee(2, EXPRESS_SECONDS)
    queue.push(job(1, 1.0))
    queue.push(job(2, 1.0))
    assert [taken.session for taken in queue.take(lambda mates: mates, bulk=False)] == [2]
    assert queue.take(lambda mates: mates, bulk=False) == []
    assert [taken.session for taken in queue.take(lambda mates: mates, bulk=True)] == [1]
