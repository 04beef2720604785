"""The queue of windows of all sessions: who is next, and which go together. Pure; knows no threads and no time."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from inference.types import Priority

Payload = TypeVar("Payload")

EXPRESS_SECONDS = 45.0
"""Audio of a session that still counts as short: it may use the worker that is kept free of long work."""


@dataclass(eq=False, slots=True)
class Job(Generic[Payload]):
    """A window that waits."""

    session: int
    priority: Priority
    key: Hashable
    """Jobs share a batch only if their keys are equal."""
    cost: float
    """Seconds of audio."""
    payload: Payload
    tag: float = 0.0
    """Virtual time at which a fair server would have finished it."""
    bulk: bool = False
    """Whether it must leave one worker free for shorter and more urgent work."""


@dataclass(slots=True)
class _Account(Generic[Payload]):
    tag: float = 0.0
    spent: float = 0.0
    lines: dict[Priority, deque[Job[Payload]]] = field(default_factory=dict)


class WindowQueue(Generic[Payload]):
    """Self-clocked fair queueing (Golestani, 1994) between sessions, inside strict priorities.

    Each job is stamped with the virtual time at which its session's fair share would have paid for it; the smallest
    stamp goes first. A new session starts at the present, so that a short clip passes a long file's backlog.
    """

    def __init__(self) -> None:
        self._accounts: dict[int, _Account[Payload]] = {}
        self._now = 0.0
        self._milliseconds = 0  # an integer, so that nothing is left of sums once the queue is empty
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def seconds(self) -> float:
        """Audio that waits, without drafts: those are skipped rather than queued."""
        return self._milliseconds / 1000

    def jobs(self) -> Iterable[Job[Payload]]:
        """Every job that waits."""
        for account in self._accounts.values():
            for line in account.lines.values():
                yield from line

    def foresee(self, session: int, seconds: float) -> None:
        """Say how much audio a session will have: all of a long one is long work, its first windows too."""
        if seconds > EXPRESS_SECONDS:
            self._accounts.setdefault(session, _Account()).spent = EXPRESS_SECONDS

    def push(self, job: Job[Payload]) -> None:
        """Add a job behind its session's others of the same priority."""
        account = self._accounts.setdefault(job.session, _Account())
        account.tag = job.tag = max(account.tag, self._now) + job.cost
        job.bulk = job.priority is Priority.INTERIM or (
            job.priority is Priority.FILE and account.spent + job.cost > EXPRESS_SECONDS
        )
        account.spent += job.cost
        account.lines.setdefault(job.priority, deque()).append(job)
        self._count(job, 1)

    def remove(self, job: Job[Payload]) -> bool:
        """Take a job out, if it still waits."""
        account = self._accounts.get(job.session)
        line = account.lines.get(job.priority) if account else None
        if not line or job not in line:
            return False
        line.remove(job)
        self._count(job, -1)
        return True

    def leave(self, session: int) -> list[Job[Payload]]:
        """Forget a session and return the jobs that it had waiting."""
        account = self._accounts.pop(session, None)
        jobs = [job for line in account.lines.values() for job in line] if account else []
        for job in jobs:
            self._count(job, -1)
        return jobs

    def take(self, limit: Callable[[int], int], *, bulk: bool) -> list[Job[Payload]]:
        """Take the next batch.

        `limit` gives the largest batch for a number of jobs that could go together; without `bulk`, jobs that must
        leave a worker free are passed over.
        """
        first = min(self._heads(bulk=bulk), key=lambda job: (job.priority, job.tag), default=None)
        if first is None:
            return []
        mates = sorted(
            (job for job in self.jobs() if self._together(first, job) and (bulk or not job.bulk)),
            key=lambda job: job.tag,
        )
        batch = mates[: limit(len(mates))]
        for job in batch:
            self._accounts[job.session].lines[job.priority].remove(job)
            self._count(job, -1)
        self._now = max(self._now, *(job.tag for job in batch)) if len(batch) > 1 else max(self._now, batch[0].tag)
        return batch

    def _together(self, first: Job[Payload], other: Job[Payload]) -> bool:
        return other.priority is first.priority and other.key == first.key

    def _heads(self, *, bulk: bool) -> Iterable[Job[Payload]]:
        for account in self._accounts.values():
            for line in account.lines.values():
                for job in line:
                    if bulk or not job.bulk:
                        yield job
                        break

    def _count(self, job: Job[Payload], sign: int) -> None:
        self._length += sign
        if job.priority is not Priority.INTERIM:
            self._milliseconds += sign * round(job.cost * 1000)
