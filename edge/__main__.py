"""`python -m edge`: serve until SIGTERM or SIGINT. `python -m edge account|key|database|ledger`: for operators."""

import asyncio
import resource
import signal
import sys

import structlog

from edge.app import running_edge
from edge.policy.database import DatabaseGone
from edge.policy.opening import open_policy
from edge.policy.secret import WrongSecret
from edge.policy.settings import PolicySettings
from edge.settings import EdgeSettings
from rpc import telemetry

MANY_FILES = 65_536

_log = structlog.get_logger(__name__)


async def serve(settings: EdgeSettings, accounts: PolicySettings) -> None:
    """Serve until a signal comes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with (
        open_policy(accounts, open_bytes=settings.max_upload_bytes) as policy,
        running_edge(settings, policy=policy, trusted_proxies=accounts.trusted_proxies) as (_, door),
        asyncio.TaskGroup() as group,
    ):
        lag = group.create_task(telemetry.watch_loop_lag())
        _log.info("listening", url=door.name)
        await stop.wait()
        _log.info("draining", seconds=settings.shutdown_seconds)
        lag.cancel()


def allow_many_files() -> None:
    """Raise the soft limit of open files: each connection is one, and shells start with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> int:
    """Read the settings and serve, or do what an operator asks."""
    settings = EdgeSettings()
    telemetry.configure_logging(level=settings.log_level, as_json=settings.log_json)
    if len(sys.argv) > 1:
        from edge.policy.command import app as operators  # a server starts sooner without the library of its commands

        operators(prog_name="python -m edge")
    allow_many_files()
    try:
        asyncio.run(serve(settings, PolicySettings()))
    except (DatabaseGone, WrongSecret) as error:
        _log.critical("cannot_start", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
