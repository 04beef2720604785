"""The scripted service as a process of its own, and what it says."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


class ScriptedProcess:
    """A running process; its log lines are read as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.address = ""
        self.metrics = ""

    async def logged(self, event: str) -> dict[str, Any]:
        """Waits for a log line."""
        assert self.process.stderr is not None
        seen: list[str] = []
        async with asyncio.timeout(60):
            while line := (await self.process.stderr.readline()).decode():
                seen.append(line)
                with contextlib.suppress(json.JSONDecodeError):
                    found: dict[str, Any] = json.loads(line)
                    if found["event"] == event:
                        return found
        raise AssertionError(f"no {event} in {''.join(seen)}")

    def say(self, line: str) -> None:
        """Answers what `ready` waits for."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def code(self) -> int:
        async with asyncio.timeout(60):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def scripted_process(*, ready: bool = True, **settings: object) -> AsyncIterator[ScriptedProcess]:
    """Starts the process; with `ready` it serves when the block begins."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.scripted_service",
        json.dumps({"metrics_port": 0} | settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    running = ScriptedProcess(process)
    try:
        listening = await running.logged("listening")
        running.address = f"127.0.0.1:{listening['port']}"
        running.metrics = f"http://127.0.0.1:{listening['metrics_port']}/metrics"
        if ready:
            running.say("ready")
            await running.logged("serving")
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
