"""Somebody, perhaps an operator with a console, locks one row of PostgreSQL and keeps it: all else goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg  # type: ignore[import-untyped]  # it comes without
import pytest
from sqlalchemy import func, select

from edge.policy.database import DatabaseBusy, DatabaseGone, open_database
from edge.policy.journal import Note
from edge.policy.office import Office
from edge.policy.tables import HOLDS, PROCESSES
from edge.policy.wallets import Wallet
from tests.offices import Opener, explained, funded

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)

LOCKS = {
    "hold": "SELECT 1 FROM holds WHERE request = 'r0' FOR UPDATE",
    "wallet": "SELECT 1 FROM wallets JOIN holds ON holds.wallet = wallets.id AND request = 'r0' FOR UPDATE OF wallets",
}
SHORT = {"database_lock_seconds": 0.3}
_HOLDING = select(HOLDS.c.request).order_by(HOLDS.c.request)
_ALIVE_UNTIL = select(PROCESSES.c.alive_until)
_BLOCKED = (
    "SELECT pid, query_start FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


@contextlib.asynccontextmanager
async def locked(url: str, what: str) -> AsyncIterator[None]:
    """Lock a row until the context ends, by a transaction that does nothing more."""
    async with console(url) as connection, connection.transaction():
        await connection.execute(LOCKS[what])
        yield


@contextlib.asynccontextmanager
async def console(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that is not an edge's."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def held(office: Office, count: int = 4) -> list[Wallet]:
    """Make so many accounts, each of which holds one credit of ten, for the request of its number."""
    wallets = [await funded(office, 10) for _ in range(count)]
    for number, wallet in enumerate(wallets):
        await office.desk.ledger.hold(f"r{number}", wallet, 1)
    return wallets


async def holding(office: Office) -> list[str]:
    """Give the requests that hold something."""
    return [row["request"] for row in await office.database.run(_HOLDING)]


async def beaten_until(office: Office, requests: list[str]) -> None:
    """Beat until no others than these hold anything."""
    async with asyncio.timeout(60):
        while await holding(office) != requests:
            await office.keeper.beat()


@pytest.mark.parametrize("what", LOCKS)
async def test_the_sweep_ends_all_other_holds(opened: Opener, url: str, what: str) -> None:
    wallets = await held(await opened(alive=False))
    office = await opened(alive=False, **SHORT)
    async with locked(url, what):
        await beaten_until(office, ["r0"])
    await beaten_until(office, [])
    assert [await office.desk.ledger.available(wallet) for wallet in wallets] == [10] * 4
    await explained(office)


@pytest.mark.parametrize("what", LOCKS)
async def test_the_journal_tells_all_other_notes(opened: Opener, url: str, what: str) -> None:
    office = await opened(**SHORT)
    wallets = await held(office)
    for number in range(4):
        await office.desk.journal.write(Note(f"r{number}", 60_000))
    async with locked(url, what):
        await beaten_until(office, ["r0"])
        assert [note.request for note in await office.desk.journal.notes()] == ["r0"]
    await beaten_until(office, [])
    assert await office.desk.journal.notes() == []
    assert [await office.desk.ledger.available(wallet) for wallet in wallets] == [9] * 4
    await explained(office)


async def test_the_pulse_goes_on_while_the_sweep_waits(opened: Opener, url: str) -> None:
    await held(await opened(alive=False))
    office = await opened(alive=False, beat_seconds=0.05)
    async with console(url) as connection, locked(url, "hold"):
        keeping = asyncio.create_task(office.keeper.run())
        try:
            async with asyncio.timeout(60):
                while not (blocked := await connection.fetch(_BLOCKED)):
                    await asyncio.sleep(0.05)
                [before] = await office.database.run(_ALIVE_UNTIL)
                while (await office.database.run(_ALIVE_UNTIL))[0]["alive_until"] <= before["alive_until"]:
                    await asyncio.sleep(0.05)
            assert await connection.fetch(_BLOCKED) == blocked
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])


@pytest.mark.parametrize("what", LOCKS)
async def test_a_request_is_told_to_come_again_and_nothing_happened(opened: Opener, url: str, what: str) -> None:
    office = await opened(**SHORT)
    [wallet] = await held(office, 1)
    async with locked(url, what):
        with pytest.raises(DatabaseBusy) as refused:
            await office.desk.ledger.raise_to("r0", wallet, 5)
        assert refused.value.status == 503
    assert await office.desk.ledger.available(wallet) == 9
    assert await office.desk.ledger.raise_to("r0", wallet, 5) == 5
    await explained(office)


async def test_a_statement_that_takes_too_long_is_not_tried_again(opened: Opener, url: str) -> None:
    async with console(url) as connection:
        # A sequence counts even what is undone.
        await connection.execute("DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries")
        database = await open_database(url, patience=3)
        with pytest.raises(DatabaseGone):
            await database.run(select(func.nextval("tries"), func.pg_sleep(3600)))
        await database.close()
        assert await connection.fetchval("SELECT last_value FROM tries") == 1
