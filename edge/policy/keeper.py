"""What goes on beside the requests: the pulse, the sweep, the journal and the reconciler."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import structlog

from edge.policy.books import Books
from edge.policy.chores import one_of_many
from edge.policy.database import Database, DatabaseGone
from edge.policy.idempotency import Idempotency, Superseded
from edge.policy.journal import Journal, Note
from edge.policy.leases import Leases
from edge.policy.presence import Presence
from edge.policy.reconcile import reconcile
from edge.policy.retention import forget

LOG = structlog.get_logger(__name__)

RECONCILE_EVERY = 30
"""Beats between two reconciliations."""


class Keeper:
    """Keeps the books of one process in order until it is cancelled."""

    def __init__(
        self,
        database: Database,
        presence: Presence,
        *,
        books: Books,
        leases: Leases,
        idempotency: Idempotency,
        journal: Journal,
        beat_seconds: float,
        grace_seconds: float,
    ) -> None:
        self._database = database
        self._presence = presence
        self._books = books
        self._leases = leases
        self._idempotency = idempotency
        self._journal = journal
        self._beat_seconds = beat_seconds
        self._grace_seconds = grace_seconds

    async def run(self) -> None:
        """Keep the pulse and the books until cancelled; an outage of the database is waited out."""
        beats = itertools.count()
        async with asyncio.TaskGroup() as group:
            # Once more by itself: whatever the rest waits for, all that is running depends on the pulse.
            group.create_task(self._every_beat(self._presence.beat))
            group.create_task(self._every_beat(lambda: self.beat(reconciling=next(beats) % RECONCILE_EVERY == 0)))

    async def beat(self, *, reconciling: bool = False) -> None:
        """Say that the process lives, tell what the journal has, and clear up after those that do not."""
        # First of all: after a long outage, what this process holds must not be taken for abandoned.
        await self._presence.beat()
        for note in await self._journal.notes():
            with one_of_many("tell note", request=note.request):
                await self._tell(note)
                await self._journal.remove(note)
        await self._books.sweep(grace_seconds=self._grace_seconds)
        await forget(self._database, grace_seconds=self._grace_seconds)
        if reconciling:
            await self._books.collect()
            report = await reconcile(self._database, since_seconds=86_400)
            if report.unexplained:
                LOG.error("ledger_unexplained", difference=report.difference, unpaid=report.unpaid)

    async def _every_beat(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except DatabaseGone as error:
                LOG.warning("database_gone", cause=type(error.__cause__).__name__)
            except Exception:
                LOG.exception("keeper_failed")
            await asyncio.sleep(self._beat_seconds)

    async def _tell(self, note: Note) -> None:
        if note.audio_ms is None:
            await self._idempotency.abandon(note.request)
            await self._books.release(note.request)
        else:
            try:
                if note.answer is not None:
                    await self._idempotency.keep(note.request, note.answer, audio_ms=note.audio_ms)
                await self._books.settle(note.request, note.audio_ms)
            except Superseded:
                # Whoever took over has charged for the same work.
                await self._books.release(note.request)
        await self._leases.release(note.request)
