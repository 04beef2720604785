"""Both databases for every test that asks for `url`, which finds them finished and empty."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from edge.policy.migrations import upgrade
from tests.offices import Opener, office_settings
from tests.postgresql_server import Server, running_postgresql

EMPTY = """
TRUNCATE accounts, keys, processes, wallets, entries, holds, leases, requests, secrets;
DELETE FROM tiers WHERE name NOT IN ('anonymous', 'free', 'paid');
"""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """One server for all tests, with a finished database that each test finds empty."""
    with running_postgresql() as server:
        server.create("finished")
        asyncio.run(upgrade(server.url("finished")))
        yield server


@pytest.fixture(scope="session")
def finished_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "finished.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a finished, empty database."""
    if request.param == "sqlite":
        path = tmp_path / "edge.db"
        shutil.copy(request.getfixturevalue("finished_sqlite"), path)
        return f"sqlite:///{path}"
    server: Server = request.getfixturevalue("postgresql")
    server.run(EMPTY, database="finished")
    return server.url("finished")


@pytest.fixture
async def opened(url: str, tmp_path: Path) -> AsyncIterator[Opener]:
    """Open as many edges as a test likes on one database; all are closed after it."""
    async with AsyncExitStack() as stack:
        yield Opener(stack, office_settings(url, tmp_path / "data"))
