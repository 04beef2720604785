"""(l) The ledger: pairs of hold and settlement a second on both databases, and what the policy adds to a request."""

import argparse
import asyncio
import contextlib
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from bench.load import row, table
from edge.policy.migrations import upgrade
from edge.policy.office import Office, open_office
from edge.policy.reconcile import reconcile
from edge.policy.wallets import Unit, Wallet
from tests.offices import identified, office_settings
from tests.postgresql_server import running_postgresql

ACCOUNTS = 100
TASKS = 8
PLENTY = 10**9
REQUESTS = 300


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--ledger-seconds", type=float, default=5.0, help="how long each ledger case runs")


def run(args: argparse.Namespace) -> str:
    """Measure everything; every case ends with the books reconciled."""
    pairs: list[str] = []
    shares: list[str] = []
    for name, url in _databases():
        rates, share = asyncio.run(_measure(url, getattr(args, "ledger_seconds", 5.0)))
        pairs += [row(name, *cells) for cells in rates]
        shares.append(row(name, *share))
    return "\n".join(
        [
            "### The ledger",
            "",
            table("database", "load", "hold + settle pairs/s", "p50 of a pair, ms", "p99, ms", "edge CPU a pair, us"),
            *pairs,
            "",
            "SQLite with `synchronous=FULL`, PostgreSQL with its defaults and 8 connections, client and server on the"
            " same cores; the sum of all entries equals all balances after each case.",
            "",
            table("database", "policy's share of a request, p50 ms", "p95, ms"),
            *shares,
            "",
            f"The share is everything that a paid request asks of the policy: who calls, a slot, a hold, a larger hold,"
            f" the settlement and leaving; {REQUESTS} requests one after the other.",
        ]
    )


async def _measure(url: str, seconds: float) -> tuple[list[tuple[str, ...]], tuple[str, str]]:
    async with _office(url) as office:
        wallets = [await _wallet(office, number) for number in range(ACCOUNTS)]
        rates: list[tuple[str, ...]] = []
        for tasks, chosen, what in (
            (TASKS, wallets, f"{ACCOUNTS} accounts, {TASKS} at once"),
            (32, wallets, f"{ACCOUNTS} accounts, 32 at once"),
            (TASKS, wallets[:1], f"one account, {TASKS} at once"),
        ):
            cpu = time.process_time()
            rate, times = await _pairs(office, chosen, tasks, seconds)
            microseconds = 1e6 * (time.process_time() - cpu) / len(times)
            rates.append((what, f"{rate:,.0f}", _ms(times, 0.5), _ms(times, 0.99), f"{microseconds:.0f}"))
        times = await _requests(office)
        report = await reconcile(office.database)
        if report.unexplained:
            raise RuntimeError(f"the books do not add up: {report}")
        return rates, (_ms(times, 0.5), _ms(times, 0.95))


def _databases() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"SQLite {sqlite3.sqlite_version}", f"sqlite:///{Path(folder) / 'edge.db'}"
    with running_postgresql(durable=True) as server:
        yield "PostgreSQL", server.create("bench")


@contextlib.asynccontextmanager
async def _office(url: str) -> AsyncIterator[Office]:
    with tempfile.TemporaryDirectory() as folder:
        await upgrade(url)
        async with open_office(office_settings(url, Path(folder))) as office:
            await office.keeper.beat()
            yield office


async def _wallet(office: Office, number: int) -> Wallet:
    wallet = Wallet(f"account {number}", Unit.CREDITS)
    await office.desk.ledger.open(wallet)
    await office.desk.ledger.add(wallet, PLENTY, reference=wallet.id)
    return wallet


async def _pairs(office: Office, wallets: list[Wallet], tasks: int, seconds: float) -> tuple[float, list[float]]:
    times: list[float] = []
    ledger = office.desk.ledger
    began = time.perf_counter()

    async def work(task: int) -> None:
        number = 0
        while time.perf_counter() - began < seconds:
            wallet = wallets[(number * tasks + task) % len(wallets)]
            request = f"{began} {task} {number}"
            start = time.perf_counter()
            await ledger.hold(request, wallet, 1)
            await ledger.settle(request, wallet, 1, audio_ms=60_000)
            times.append(time.perf_counter() - start)
            number += 1

    await asyncio.gather(*(work(task) for task in range(tasks)))
    return len(times) / (time.perf_counter() - began), times


async def _requests(office: Office) -> list[float]:
    account = await office.accounts.create("bench", "paid")
    await office.accounts.add_credits(account, PLENTY)
    key = (await office.desk.keys.create(account, "bench")).key
    times = []
    for _ in range(REQUESTS):
        start = time.perf_counter()
        principal = await identified(office, authorization=f"Bearer {key}")
        async with office.policy.admit(principal, kind="transcription", request_id="bench") as admission:
            await admission.hold(125.4)
            await admission.settle(125.4)
        times.append(time.perf_counter() - start)
    return times


def _ms(times: list[float], share: float) -> str:
    return f"{statistics.quantiles(times, n=100)[round(share * 100) - 1] * 1000:.2f}"
