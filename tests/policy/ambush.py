"""Lies in wait for a step of the ledger, and strikes while nobody can write: so the next step is never taken."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing

import asyncpg  # type: ignore[import-untyped]  # it comes without
from sqlalchemy import make_url

_HELD = "holds JOIN wallets ON wallets.id = holds.wallet AND wallets.account = $1"
STEPS = {
    "slot": "leases WHERE account = $1 AND request NOT IN (SELECT request FROM entries)",
    "hold": f"{_HELD} WHERE amount = 1",
    "key": "requests WHERE account = $1 AND answer IS NULL",
    "larger hold": f"{_HELD} WHERE amount > 1",
    "answer": f"{_HELD} WHERE request IN (SELECT request FROM requests WHERE answer IS NOT NULL)",
    "end": "leases WHERE account = $1 AND request IN (SELECT request FROM entries WHERE step = 'end')",
}
"""What there is between a step and the next one, for a request of the account `$1`."""
SECONDS = 0.0005
"""Between two looks."""


async def ambush(url: str, step: str, *, account: str, strike: Callable[[], None]) -> None:
    """Strike when a request of the account has come as far as `step` and no further."""
    question = f"SELECT EXISTS (SELECT 1 FROM {STEPS[step]})"
    if url.startswith("sqlite:"):
        await _sqlite(make_url(url).database or "", question, account, strike)
    else:
        await _postgresql(url, question, account, strike)


async def _sqlite(path: str, question: str, account: str, strike: Callable[[], None]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                # Somebody writes.
                await asyncio.sleep(SECONDS)
                continue
            try:
                [[there]] = connection.execute(question.replace("$1", "?"), (account,))
                if there:
                    strike()
                    return
            finally:
                connection.execute("ROLLBACK")
            await asyncio.sleep(SECONDS)


async def _postgresql(url: str, question: str, account: str, strike: Callable[[], None]) -> None:
    connection = await asyncpg.connect(url)
    try:
        while True:
            async with connection.transaction():
                await connection.execute("LOCK TABLE leases, requests, entries IN EXCLUSIVE MODE")
                if await connection.fetchval(question, account):
                    strike()
                    return
            await asyncio.sleep(SECONDS)
    finally:
        await connection.close()
