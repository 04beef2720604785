"""`python -m edge`: serve until SIGTERM or SIGINT."""

import asyncio
import signal
import sys

import structlog

from edge.app import running_edge
from edge.policy.unlimited import Unlimited
from edge.settings import EdgeSettings
from rpc import telemetry

_log = structlog.get_logger(__name__)


async def serve(settings: EdgeSettings) -> None:
    """Serve until a signal comes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    policy = Unlimited(max_bytes=settings.max_upload_bytes)
    async with running_edge(settings, policy=policy) as (_, door), asyncio.TaskGroup() as group:
        lag = group.create_task(telemetry.watch_loop_lag())
        _log.info("listening", url=door.name)
        await stop.wait()
        _log.info("draining", seconds=settings.shutdown_seconds)
        lag.cancel()


def main() -> int:
    """Read the settings and serve."""
    settings = EdgeSettings()
    telemetry.configure_logging(level=settings.log_level, as_json=settings.log_json)
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
