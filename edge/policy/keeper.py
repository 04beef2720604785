"""What goes on beside the requests: the pulse, the sweep, the journal and the reconciler."""

import asyncio

import structlog

from edge.policy.books import Books
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
        """Beat until cancelled; an outage of the database is waited out."""
        beats = 0
        while True:
            try:
                await self.beat(reconciling=beats % RECONCILE_EVERY == 0)
            except DatabaseGone as error:
                LOG.warning("database_gone", cause=type(error.__cause__).__name__)
            except Exception:
                # A fault in the sweep must not stop the pulse, which everything that is running depends on.
                LOG.exception("keeper_failed")
            beats += 1
            await asyncio.sleep(self._beat_seconds)

    async def beat(self, *, reconciling: bool = False) -> None:
        """Say that the process lives, tell what the journal has, and clear up after those that do not."""
        await self._presence.beat()
        for note in await self._journal.notes():
            try:
                await self._tell(note)
            except DatabaseGone:
                raise
            except Exception:
                # It waits for somebody to look at it; the others need not.
                LOG.exception("note_not_told", request=note.request)
            else:
                await self._journal.remove(note)
        await self._books.sweep(grace_seconds=self._grace_seconds)
        await forget(self._database, grace_seconds=self._grace_seconds)
        if reconciling:
            await self._books.collect()
            report = await reconcile(self._database, since_seconds=86_400)
            if report.unexplained:
                LOG.error("ledger_unexplained", difference=report.difference, unpaid=report.unpaid)

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
