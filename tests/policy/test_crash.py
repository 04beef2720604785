"""Edges that are killed between any two steps lose nothing and charge nothing twice (see `crash`)."""

import asyncio
import os
import sys

RUNS = int(os.environ.get("CRASH_RUNS", "60"))


async def test_killed_edges_lose_nothing_and_charge_nothing_twice() -> None:
    # A process of its own: it forks, which a process with threads should not.
    crash = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.policy.crash",
        f"--runs={RUNS}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await crash.communicate()
    assert crash.returncode == 0, output.decode()
    assert output.decode().strip().endswith("nothing lost, nothing charged twice")
