"""SQLite behind one thread that writes for everybody and shares each flush to disk between those who wait."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.engine import make_url
from sqlalchemy.sql import ClauseElement

from edge.policy.database import Database, DatabaseGone, Rendered, Renderer, Row

LOG = structlog.get_logger(__name__)

GROUP = 64
"""Statements in one transaction at most; each has its own savepoint, all share one flush to disk."""

PATIENCE = 30.0
"""Seconds that a statement waits for another process to be done writing."""

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")


@dataclass(slots=True)
class Work:
    """A statement that somebody waits for."""

    rendered: Rendered
    arguments: list[Any]
    future: asyncio.Future[Sequence[Row]]
    rows: Sequence[Row] = ()
    error: Exception | None = None


class SQLite(Database):
    """One file; other processes may have it open too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._render = Renderer(dialect(paramstyle="qmark"))
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="sqlite", daemon=True)
        self._closed = False

    @classmethod
    async def open(cls, url: str) -> "SQLite":
        """Open the file that `url` names."""
        database = cls(Path(make_url(url).database or ""))
        database._thread.start()
        return database

    async def run(self, statement: ClauseElement, **values: Any) -> Sequence[Row]:
        """Queue the statement for the thread and wait until it is on the disk."""
        if self._closed:
            raise DatabaseGone
        rendered = self._render(statement)
        future: asyncio.Future[Sequence[Row]] = self._loop.create_future()
        self._queue.put(Work(rendered, rendered.arguments(values), future))
        return await future

    async def close(self) -> None:
        """Finish what is queued, then close the file."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        closing = False
        while not closing:
            group = [self._queue.get()]
            while len(group) < GROUP:
                try:
                    group.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            closing = group[-1] is None
            works = [work for work in group if work is not None]
            try:
                connection = connection or self._connect()
                _transact(connection, works)
            except sqlite3.Error as error:
                LOG.warning("sqlite_failed", error=str(error))
                # The whole group is undone. A broken connection is not kept: the next group opens the file afresh.
                if connection is not None:
                    connection.close()
                    connection = None
                for work in works:
                    work.error = DatabaseGone()
            if works:
                self._loop.call_soon_threadsafe(_answer, works)
        if connection is not None:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        address = f"{self._path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=PATIENCE)
        connection.row_factory = sqlite3.Row
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()
        return connection


def _transact(connection: sqlite3.Connection, works: list[Work]) -> None:
    if all(work.rendered.reads for work in works):
        for work in works:
            work.rows = connection.execute(work.rendered.sql, work.arguments).fetchall()
        return
    connection.execute("BEGIN IMMEDIATE")
    for work in works:
        connection.execute("SAVEPOINT step")
        try:
            work.rows = connection.execute(work.rendered.sql, work.arguments).fetchall()
        except sqlite3.IntegrityError as error:
            work.error = error
            connection.execute("ROLLBACK TO step")
        connection.execute("RELEASE step")
    connection.execute("COMMIT")


def _answer(works: list[Work]) -> None:
    for work in works:
        if work.future.cancelled():
            continue
        if work.error is not None:
            work.future.set_exception(work.error)
        else:
            work.future.set_result(work.rows)
