"""The scripted Transcription service as a process of its own, to be killed, stopped and drained."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from rpc.health import Health
from rpc.server import serve
from rpc.settings import ServerSettings
from rpc.telemetry import configure_logging
from tests.scripted_speech import TRANSCRIPTION, ScriptedTranscription

ROOT = Path(__file__).parent.parent


class Replica:
    """A running replica."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.address = address

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@contextlib.asynccontextmanager
async def replica() -> AsyncIterator[Replica]:
    """Starts one; it serves when the block begins and is gone when it ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.scripted_replica", stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            address = (await process.stdout.readline()).decode().strip()
        yield Replica(process, address)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def main() -> int:
    from tests.house import free_port

    configure_logging(level="error")
    port = free_port()
    servicer = ScriptedTranscription(served_by=f"replica-{port}")

    async def ready() -> None:
        sys.stdout.write(f"127.0.0.1:{port}\n")
        sys.stdout.flush()

    return await serve(
        ServerSettings.model_validate({"port": port, "drain_seconds": 20, "stream_limit": 4096}),
        register=servicer.register,
        health=Health(TRANSCRIPTION),
        ready=ready,
        on_drain=servicer.drain.set,
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
