"""The migrations make what the code speaks of, and nothing is kept longer than it should be."""

import asyncio
import sqlite3
import time
from datetime import date
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, make_url, select
from sqlalchemy.ext.asyncio import create_async_engine

from edge.policy.migrations import upgrade
from edge.policy.reconcile import reconcile
from edge.policy.retention import forget
from edge.policy.steps import OPEN
from edge.policy.tables import ENTRIES, METADATA, WALLETS
from edge.policy.wallets import Unit, Wallet, daily
from tests.offices import Opener, funded

_ENTRIES = select(ENTRIES.c.wallet)
_WALLETS = select(WALLETS.c.id)


def differences(connection: Connection) -> list[object]:
    """Compare the tables that are there with those that the code speaks of."""
    found = compare_metadata(MigrationContext.configure(connection), METADATA)
    return [each for each in found if "alembic_version" not in repr(each)]


async def test_the_tables_are_those_of_the_code(url: str) -> None:
    if url.startswith("sqlite"):
        engine = create_engine(url)
        with engine.connect() as connection:
            found = differences(connection)
        engine.dispose()
    else:
        over = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
        async with over.connect() as connected:
            found = await connected.run_sync(differences)
        await over.dispose()
    assert found == []


async def test_an_upgrade_twice_changes_nothing(url: str) -> None:
    await asyncio.gather(*(upgrade(url) for _ in range(3)))


async def test_several_upgrade_a_new_database_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "edge.db"
    await asyncio.gather(*(upgrade(f"sqlite:///{path}") for _ in range(4)))
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM tiers").fetchone() == (3,)
    # Two edges that both changed this at their start would not wait for each other.
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_tries_are_forgotten_and_credits_are_not(opened: Opener) -> None:
    office = await opened()
    ledger = office.desk.ledger
    paid = await funded(office, 5)
    idle, busy = (Wallet("ip:x", Unit.TRIES, f"2026-01-0{day}", 3) for day in (1, 2))
    for wallet in (paid, idle, busy):
        await ledger.hold(f"r {wallet.id}", wallet, 1)
    for wallet in (paid, idle):
        await ledger.settle(f"r {wallet.id}", wallet, 1, audio_ms=0)
    await forget(office.database, grace_seconds=60, today=date(2026, 1, 8))
    assert len(await office.database.run(_WALLETS)) == 3
    await forget(office.database, grace_seconds=60, today=date(2026, 1, 10))
    assert {row["id"] for row in await office.database.run(_WALLETS)} == {paid.id, busy.id}
    assert {row["wallet"] for row in await office.database.run(_ENTRIES)} == {paid.id, busy.id}
    assert (await reconcile(office.database)).unexplained == 0


async def test_a_wallet_that_is_being_opened_is_not_forgotten(opened: Opener) -> None:
    """Between its row and its grant it has no entry; without the row the grant would be there and nothing in it."""
    office = await opened()
    today = daily("ip:x", Unit.TRIES, 3, int(time.time() * 1000))
    await office.database.run(OPEN, wallet=today.id, account=today.account, unit=today.unit.value)
    await forget(office.database, grace_seconds=60)
    assert [row["id"] for row in await office.database.run(_WALLETS)] == [today.id]
    assert await office.desk.ledger.hold("r", today, 1) == 2
    assert (await reconcile(office.database)).unexplained == 0
