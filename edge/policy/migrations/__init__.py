"""The steps by which the tables came to be, and how to take them."""

import asyncio
import fcntl
import logging
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError

from edge.policy.database import DatabaseGone

FOLDER = Path(__file__).parent

# It tells at every start that there is nothing to do.
logging.getLogger("alembic.runtime").setLevel(logging.WARNING)


async def upgrade(url: str) -> None:
    """Bring the database to the newest tables; safe to run from several processes at once.

    Raises `DatabaseGone`.
    """
    if url.startswith("sqlite:"):
        await asyncio.to_thread(_upgrade_sqlite, url)
        return
    from sqlalchemy.ext.asyncio import create_async_engine  # it takes as long to import as the rest of this together

    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.begin() as connection:
            # Any number, the same for every process: whoever comes second waits and then finds nothing to do.
            await connection.execute(text("SELECT pg_advisory_xact_lock(7308620105)"))
            await connection.run_sync(_run)
    except (OSError, OperationalError, InterfaceError) as error:
        raise DatabaseGone from error
    finally:
        await engine.dispose()


def _upgrade_sqlite(url: str) -> None:
    path = Path(make_url(url).database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made here, so that nobody but its owner ever reads it; what SQLite puts beside it has the same mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(make_url(url).set(drivername="sqlite"))

    # The driver would begin too late to cover the definition of tables.
    @event.listens_for(engine, "connect")
    def _plain(connection: object, record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # the driver's own connection

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The file keeps this. Two processes that both change it do not wait for each other: one of them fails.
        with closing(sqlite3.connect(path)) as plain:
            plain.execute("PRAGMA journal_mode=WAL")
        with engine.begin() as connection:
            _run(connection)
    engine.dispose()


_ALEMBIC = threading.Lock()
"""Alembic keeps its context in a module, so one upgrade at a time in a process."""


def _run(connection: Connection) -> None:
    import alembic.command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    with _ALEMBIC:
        alembic.command.upgrade(config, "head")
