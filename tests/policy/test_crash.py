"""Edges that are killed at any moment lose nothing and charge nothing twice (see `crash` and `crash_edges`)."""

import asyncio
import os
import sys

import pytest

RUNS = int(os.environ.get("CRASH_RUNS", "60"))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("crash", "runs"), [("crash", RUNS), ("crash_edges", RUNS // 3)])
async def test_killed_edges_lose_nothing_and_charge_nothing_twice(crash: str, runs: int) -> None:
    # A process of its own: one of them forks, which a process with threads should not.
    crashing = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tests.policy.{crash}",
        f"--runs={runs}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await crashing.communicate()
    assert crashing.returncode == 0, output.decode()
    assert output.decode().strip().endswith("nothing lost, nothing charged twice")
