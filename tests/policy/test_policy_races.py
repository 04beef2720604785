"""Two edge processes try for the same thing at the same moment, and exactly as many win as may."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.offices import Opener, explained, funded

PROCESSES = 2


async def race(url: str, tmp_path: Path, **job: Any) -> list[int]:
    """Give how often each process won."""
    text = json.dumps({"url": url, "folder": str(tmp_path / "data"), **job})
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.policy.racer",
            text,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    try:
        assert await said(racers) == [b"ready\n"] * PROCESSES
        tell(racers)
        won = [int(line) for line in await said(racers)]
        tell(racers)
        for racer in racers:
            assert await racer.wait() == 0
    finally:
        for racer in racers:
            if racer.returncode is None:
                racer.kill()
                await racer.wait()
    return won


async def said(racers: Sequence[asyncio.subprocess.Process]) -> list[bytes]:
    """Give the next line of each."""
    lines = []
    for racer in racers:
        assert racer.stdout is not None
        lines.append(await racer.stdout.readline())
    return lines


def tell(racers: Sequence[asyncio.subprocess.Process]) -> None:
    """Let each go on."""
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(b"go\n")


async def test_a_thousand_holds_against_a_hundred_credits(opened: Opener, url: str, tmp_path: Path) -> None:
    office = await opened()
    wallet = await funded(office, 100)
    job = {"account": wallet.account, "unit": wallet.unit, "period": "", "grant": 0, "amount": 1}
    won = await race(url, tmp_path, what="hold", tries=500, **job)
    assert sum(won) == 100
    assert await office.desk.ledger.available(wallet) == 0
    await explained(office)


@pytest.mark.parametrize(
    ("unit", "grant", "amount", "expected"),
    [("tries", 3, 1, 3), ("milliseconds", 36_000_000, 600_000, 60)],
    ids=["three a day", "six hundred minutes"],
)
async def test_two_hundred_at_once_against_a_period(
    opened: Opener, url: str, tmp_path: Path, unit: str, grant: int, amount: int, expected: int
) -> None:
    office = await opened()
    job = {"account": "a", "unit": unit, "period": "2026-01", "grant": grant, "amount": amount}
    assert sum(await race(url, tmp_path, what="hold", tries=100, **job)) == expected
    await explained(office)


async def test_two_hundred_at_once_for_five_slots(opened: Opener, url: str, tmp_path: Path) -> None:
    await opened()
    assert sum(await race(url, tmp_path, what="slot", tries=100, account="a", limit=5)) == 5


async def test_two_hundred_at_once_with_one_idempotency_key(opened: Opener, url: str, tmp_path: Path) -> None:
    await opened()
    assert sum(await race(url, tmp_path, what="claim", tries=100, account="a")) == 1
