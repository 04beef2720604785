"""Kills edges between any two steps of the ledger and counts what is lost: `python -m tests.policy.crash --runs 1000`.

Each run has an account, three requests with idempotency keys and a stream. One or two edges in turn work on them, each
a process of its own that is killed with SIGKILL before, after or during a statement drawn by the seed, and that may
lose its database for a while first, with or without the answer to what it asked. The last edge of the run is left
alone, as are clients who ask until they are answered, and then everything must be told exactly once.
"""

import asyncio
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import String, bindparam, func, select, update
from sqlalchemy.sql import ClauseElement

from edge.policy import Principal
from edge.policy.database import Database, DatabaseGone, Row, open_database
from edge.policy.errors import PolicyError
from edge.policy.migrations import upgrade
from edge.policy.office import Office, furnish, open_office
from edge.policy.outcomes import Answer, Fresh, Replay
from edge.policy.reconcile import reconcile
from edge.policy.settings import PolicySettings
from edge.policy.tables import ENTRIES, HOLDS, LEASES, PROCESSES, WALLETS
from edge.policy.wallets import Unit, Wallet
from tests.offices import SECRET, caller, office_settings
from tests.policy.crashing import Ground, Outcome, crash_on_each

REQUESTS = ((30.0, "short"), (90.5, "longer"), (240.0, "long"))
STREAM_SECONDS = 130.0
STREAM_CREDITS = 3
BALANCE = 100

_BURY = update(PROCESSES).where(PROCESSES.c.id != bindparam("me", type_=String)).values(alive_until=0)
_HOLDS = select(func.count().label("left")).select_from(HOLDS)
_LEASES = select(func.count().label("left")).select_from(LEASES)
_SPENT = select(func.sum(ENTRIES.c.available + ENTRIES.c.held).label("sum")).where(
    ENTRIES.c.wallet == bindparam("wallet", type_=String)
)
_BALANCE = select(WALLETS.c.available, WALLETS.c.held).where(WALLETS.c.id == bindparam("wallet", type_=String))


class Doomed(Database):
    """A database that is lost for some statements, and whose process dies at one."""

    def __init__(self, database: Database, chance: random.Random) -> None:
        self._database = database
        self._steps = 0
        self._death = chance.randrange(1, 60)
        self._manner = chance.choice(("before", "during", "after"))
        self._delay = chance.uniform(0, 0.002)
        self._outage = range(0)
        if chance.random() < 0.5:
            start = chance.randrange(1, 50)
            self._outage = range(start, start + chance.randrange(1, 30))
        self._answers_lost = chance.random() < 0.5

    async def run(self, statement: ClauseElement, **values: Any) -> Sequence[Row]:
        """Run the statement, unless this is where it ends."""
        self._steps += 1
        step = self._steps
        if step == self._death and self._manner == "before":
            die()
        if step == self._death and self._manner == "during":
            threading.Timer(self._delay, die).start()
        if step in self._outage and not self._answers_lost:
            raise DatabaseGone
        rows = await self._database.run(statement, **values)
        if step == self._death:
            die()
        if step in self._outage:
            raise DatabaseGone
        return rows

    async def close(self) -> None:
        """Close what is real."""
        await self._database.close()


def die() -> None:
    """End as by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


async def transcribe(office: Office, principal: Principal, key: str, seconds: float) -> bool:
    """Do what the route does, and tell whether there was an answer."""
    try:
        if await office.policy.known(principal, key):
            return isinstance(await office.policy.replay(principal, key, key), Replay)
        async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
            outcome = await admission.begin(key, key)
            if isinstance(outcome, Fresh):
                await admission.hold(seconds / 2)
                await admission.hold(seconds)
                await admission.finish(Answer(200, {}, key.encode()), seconds=seconds)
            return isinstance(outcome, Fresh | Replay)
    except PolicyError:
        return False


async def stream(office: Office, principal: Principal, said: Callable[[str], None]) -> None:
    """Hold minute by minute, pay at the end, and say so once it is paid."""
    try:
        async with office.policy.admit(principal, kind="stream", request_id="s") as admission:
            for minute in range(1, STREAM_CREDITS + 1):
                await admission.hold(minute * 60)
            said("paying")
            await admission.settle(STREAM_SECONDS)
            said("paid")
    except PolicyError:
        return


async def work(office: Office, principal: Principal, run: int, said: Callable[[str], None]) -> None:
    """Serve everybody at once, twice over, while the books are kept."""
    async with asyncio.TaskGroup() as group:
        for seconds, name in REQUESTS:
            group.create_task(transcribe(office, principal, f"{run} {name}", seconds))
        group.create_task(stream(office, principal, said))
    try:
        await office.keeper.beat()
    except DatabaseGone:
        return


async def doomed(settings: PolicySettings, principal: Principal, run: int, chance: random.Random, file: Path) -> None:
    """Be an edge that dies."""
    database = Doomed(
        await open_database(settings.database_url, connections=4, patience=120, lock_patience=120), chance
    )
    office = furnish(settings, database, secret=SECRET.encode())
    with file.open("a") as acknowledgements:

        def said(line: str) -> None:
            acknowledgements.write(f"{line}\n")
            acknowledgements.flush()

        try:
            await office.presence.beat()
        except DatabaseGone:
            die()
        for _ in range(3):
            await work(office, principal, run, said)
    die()


async def spared(settings: PolicySettings, principal: Principal, run: int, acknowledged: Sequence[str]) -> list[str]:
    """Be the edge that lives: serve whoever still waits, then say what is wrong with the books."""
    async with open_office(settings) as office:
        await office.keeper.beat()
        await office.database.run(_BURY, me=office.presence.id)
        await office.keeper.beat()
        for seconds, name in REQUESTS:
            while not await transcribe(office, principal, f"{run} {name}", seconds):
                await asyncio.sleep(0.01)
        await office.keeper.beat(reconciling=True)
        return await faults(office, principal, acknowledged)


async def faults(office: Office, principal: Principal, acknowledged: Sequence[str]) -> list[str]:
    """Compare the books with what happened."""
    wallet = Wallet(principal.account, Unit.CREDITS)
    [balance] = await office.database.run(_BALANCE, wallet=wallet.id)
    [booked] = await office.database.run(_SPENT, wallet=wallet.id)
    [holds] = await office.database.run(_HOLDS)
    report = await reconcile(office.database)
    [leases] = await office.database.run(_LEASES)
    spent = BALANCE - balance["available"] - balance["held"]
    price = sum(wallet.cost(round(seconds * 1000)) for seconds, _ in REQUESTS)
    # A stream that died while it was being paid may be paid or not; one that was told so is.
    least = price + STREAM_CREDITS * acknowledged.count("paid")
    most = price + STREAM_CREDITS * acknowledged.count("paying")
    found = []
    if not least <= spent <= most:
        found.append(f"spent {spent}, not {least} to {most}")
    if balance["available"] < 0 or balance["held"] != 0:
        found.append(f"balance {balance['available']}, held {balance['held']}")
    if booked["sum"] != balance["available"] + balance["held"]:
        found.append(f"entries sum to {booked['sum']}")
    if report.unexplained:
        found.append(f"unexplained: {report}")
    if holds["left"] or leases["left"]:
        found.append(f"{holds['left']} holds and {leases['left']} slots are left")
    return found


async def accounts(settings: PolicySettings, runs: int) -> list[Principal]:
    """Make an account for each run."""
    await upgrade(settings.database_url)
    async with open_office(settings) as office:
        return [(await caller(office, balance=BALANCE))[0] for _ in range(runs)]


def forked(main: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run `main` in a process of its own and give how it ended."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            asyncio.run(main())
            status = 0
        finally:
            # Neither cleanups nor handlers of the parent are this process's business.
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def one(settings: PolicySettings, principal: Principal, run: int, seed: int) -> tuple[int, list[str]]:
    """Do one run; give how many edges were killed, and what is wrong."""
    chance = random.Random(f"{seed} {run}")
    file, verdict = settings.folder / "acknowledged", settings.folder / "verdict"
    file.write_text("")
    verdict.unlink(missing_ok=True)
    kills = chance.randrange(1, 3)
    for _ in range(kills):
        ended = forked(lambda: doomed(settings, principal, run, chance, file))
        if ended != -signal.SIGKILL:
            return kills, [f"an edge ended by itself: {ended}"]
    acknowledged = file.read_text().splitlines()

    async def judge() -> None:
        verdict.write_text(json.dumps(await spared(settings, principal, run, acknowledged)))

    ended = forked(judge)
    return kills, json.loads(verdict.read_text()) if ended == 0 else [f"the last edge ended with {ended}"]


def crash(ground: Ground) -> Outcome:
    """Do all runs on one database."""
    settings = office_settings(ground.url, ground.folder)
    killed, wrong = 0, {}
    for run, principal in enumerate(asyncio.run(accounts(settings, ground.runs))):
        kills, found = one(settings, principal, run, ground.seed)
        killed += kills
        if found:
            wrong[run] = found
    return Outcome(ground.runs, killed, wrong)


if __name__ == "__main__":
    sys.exit(crash_on_each(sys.argv[1:], crash, prog="tests.policy.crash", about=__doc__))
