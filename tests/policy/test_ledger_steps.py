"""Each step of the ledger, once, twice, too late, and where it may not be."""

import sqlite3

import asyncpg  # type: ignore[import-untyped]  # it comes without
import pytest
from sqlalchemy import delete, func, select, update

from edge.policy.database import Row
from edge.policy.ledger import HoldEnded, Insufficient
from edge.policy.office import Office
from edge.policy.steps import Kind
from edge.policy.tables import ENTRIES, HOLDS, WALLETS
from edge.policy.wallets import Unit, Wallet
from tests.offices import Opener, explained, funded

REFUSED_BY_DATABASE = (sqlite3.Error, asyncpg.PostgresError)

_BALANCE = select(WALLETS.c.available, WALLETS.c.held)
_ENTRIES = select(ENTRIES).order_by(ENTRIES.c.at, ENTRIES.c.request, ENTRIES.c.step)
_CHANGE = update(ENTRIES).values(available=ENTRIES.c.available + 1)
_FORGET = delete(ENTRIES)
_HOLDS = select(func.count().label("holds")).select_from(HOLDS)


async def balance(office: Office) -> tuple[int, int]:
    """Give what the only wallet has available and held."""
    [row] = await office.database.run(_BALANCE)
    return row["available"], row["held"]


async def test_what_is_held_is_settled_and_the_rest_goes_back(opened: Opener) -> None:
    office = await opened()
    wallet = await funded(office, 10)
    assert await office.desk.ledger.hold("r", wallet, 4) == 6
    assert await balance(office) == (6, 4)
    assert await office.desk.ledger.settle("r", wallet, 3, audio_ms=150_000) == 3
    assert await balance(office) == (7, 0)
    await explained(office)


async def test_every_step_may_be_taken_again(opened: Opener) -> None:
    office = await opened()
    wallet = await funded(office, 10)
    ledger = office.desk.ledger
    for _ in range(2):
        assert await ledger.hold("r", wallet, 1) == 9
    for _ in range(2):
        assert await ledger.raise_to("r", wallet, 3) == 7
    assert await ledger.settle("r", wallet, 2, audio_ms=0) == 2
    assert await ledger.settle("r", wallet, 2, audio_ms=0) is None
    assert not await ledger.release("r", wallet)
    assert await balance(office) == (8, 0)


async def test_no_more_is_taken_than_was_held(opened: Opener) -> None:
    office = await opened()
    wallet = await funded(office, 10)
    await office.desk.ledger.hold("r", wallet, 2)
    assert await office.desk.ledger.settle("r", wallet, 9, audio_ms=0) == 2


async def test_what_is_released_is_back(opened: Opener) -> None:
    office = await opened()
    wallet = await funded(office, 10)
    await office.desk.ledger.hold("r", wallet, 10)
    assert await office.desk.ledger.release("r", wallet)
    assert await balance(office) == (10, 0)
    with pytest.raises(HoldEnded):
        await office.desk.ledger.hold("r", wallet, 1)
    with pytest.raises(HoldEnded):
        await office.desk.ledger.raise_to("r", wallet, 2)


async def test_a_wallet_refuses_what_it_does_not_cover(opened: Opener) -> None:
    office = await opened()
    wallet = await funded(office, 3)
    ledger = office.desk.ledger
    with pytest.raises(Insufficient) as refused:
        await ledger.hold("r", wallet, 4)
    assert refused.value.remaining == 3
    await ledger.hold("r", wallet, 2)
    with pytest.raises(Insufficient) as refused:
        await ledger.raise_to("r", wallet, 4)
    assert refused.value.remaining == 1
    assert await balance(office) == (1, 2)


async def test_a_late_settlement_takes_what_is_there(opened: Opener) -> None:
    office = await opened()
    wallet = await funded(office, 5)
    ledger = office.desk.ledger
    await ledger.hold("slow", wallet, 5)
    await ledger.release("slow", wallet, kind=Kind.EXPIRE)
    await ledger.hold("other", wallet, 3)
    assert await ledger.settle("slow", wallet, 4, audio_ms=0) == 2
    assert await ledger.settle("slow", wallet, 4, audio_ms=0) is None
    assert await balance(office) == (0, 3)
    await explained(office)


async def test_nothing_is_settled_that_was_never_held(opened: Opener) -> None:
    office = await opened()
    wallet = await funded(office, 5)
    assert await office.desk.ledger.settle("never", wallet, 1, audio_ms=0) is None
    assert await balance(office) == (5, 0)


async def test_credits_come_once_for_each_reference_and_never_go_below_nothing(opened: Opener) -> None:
    office = await opened()
    account = await office.accounts.create("a", "paid")
    assert await office.accounts.add_credits(account, 7, reference="invoice 1") == 7
    assert await office.accounts.add_credits(account, 7, reference="invoice 1") == 7
    assert await office.accounts.add_credits(account, -8) == 7
    assert await office.accounts.add_credits(account, -7) == 0
    await explained(office)


async def test_a_wallet_of_a_period_opens_with_its_grant_by_its_first_hold(opened: Opener) -> None:
    office = await opened()
    wallet = Wallet("a", Unit.TRIES, "2026-01-01", grant=3)
    assert await office.desk.ledger.available(wallet) == 3
    assert await office.desk.ledger.hold("r", wallet, 1) == 2
    assert await office.desk.ledger.available(wallet) == 2


async def test_entries_are_only_added(opened: Opener) -> None:
    office = await opened()
    wallet = await funded(office, 5)
    await office.desk.ledger.hold("r", wallet, 1)
    before = [tuple(row[column.name] for column in ENTRIES.c) for row in await entries(office)]
    for statement in (_CHANGE, _FORGET):
        with pytest.raises(REFUSED_BY_DATABASE):
            await office.database.run(statement)
    assert [tuple(row[column.name] for column in ENTRIES.c) for row in await entries(office)] == before
    await explained(office)


async def entries(office: Office) -> "list[Row]":
    """Give every entry in order."""
    return list(await office.database.run(_ENTRIES))


async def test_the_sweeper_ends_what_a_dead_process_held(opened: Opener) -> None:
    living, dying = await opened(), await opened()
    wallet = await funded(living, 5)
    await living.desk.ledger.hold("living", wallet, 1)
    await dying.desk.ledger.hold("dying", wallet, 2)
    assert await living.desk.books.sweep(grace_seconds=0) == 0
    await dying.presence.stop()
    assert await living.desk.books.sweep(grace_seconds=0) == 1
    assert await balance(living) == (4, 1)
    [row] = await living.database.run(_HOLDS)
    assert row["holds"] == 1
