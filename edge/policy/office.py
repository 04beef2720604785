"""The office: everything about accounts, put together over one open database."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from edge.policy.accounts import Accounts
from edge.policy.admission import Desk
from edge.policy.books import Books
from edge.policy.database import Database, open_database
from edge.policy.idempotency import Idempotency
from edge.policy.journal import Journal
from edge.policy.keeper import Keeper
from edge.policy.keys import Keys
from edge.policy.leases import Leases
from edge.policy.ledger import Ledger
from edge.policy.metered import MeteredPolicy
from edge.policy.migrations import upgrade
from edge.policy.presence import Presence
from edge.policy.secret import check_secret, load_secret
from edge.policy.settings import PolicySettings


@dataclass(frozen=True, slots=True)
class Office:
    """Everything about accounts over one open database, for the edge and for the command line."""

    database: Database
    presence: Presence
    desk: Desk
    accounts: Accounts
    keeper: Keeper
    policy: MeteredPolicy


@contextlib.asynccontextmanager
async def open_office(settings: PolicySettings) -> AsyncIterator[Office]:
    """Open the database and what works on it, without a pulse of its own."""
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = load_secret(settings)
    if settings.database_upgrade:
        await upgrade(settings.database_url)
    database = await open_database(
        settings.database_url,
        connections=settings.database_connections,
        patience=settings.database_patience_seconds,
        lock_patience=settings.database_lock_seconds,
    )
    try:
        await check_secret(database, secret)
        office = furnish(settings, database, secret=secret)
        await office.desk.journal.open()
        yield office
    finally:
        await database.close()


def furnish(settings: PolicySettings, database: Database, *, secret: bytes) -> Office:
    """Put together what works on an open database."""
    presence = Presence(database, lease_seconds=settings.lease_seconds)
    journal = Journal(settings.folder / "journal.db")
    keys = Keys(database, secret=secret)
    ledger = Ledger(database, process=presence.id)
    books = Books(database, ledger)
    leases = Leases(database, process=presence.id)
    idempotency = Idempotency(database, process=presence.id)
    accounts = Accounts(database, ledger)
    desk = Desk(presence, keys, ledger, leases, books, journal, idempotency)
    keeper = Keeper(
        database,
        presence,
        books=books,
        leases=leases,
        idempotency=idempotency,
        journal=journal,
        beat_seconds=settings.beat_seconds,
        grace_seconds=settings.hold_grace_seconds,
    )
    sign_ups = settings.sign_ups_per_day if settings.sign_up else None
    policy = MeteredPolicy(database, desk, accounts, trusted=settings.trusted_proxies, sign_ups=sign_ups)
    return Office(database, presence, desk, accounts, keeper, policy)
