"""PostgreSQL over a pool of connections, one round trip a statement."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it comes without
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.engine import make_url
from sqlalchemy.sql import ClauseElement

from edge.policy.database import Database, DatabaseBusy, DatabaseGone, Renderer, Row

TRIES = 3
"""A statement that lost a deadlock, or its connection, is run again: each is safe to repeat."""

CLEAR_UP_SECONDS = 1.0
"""How long a connection has to end a statement that is not waited for any more; then it is dropped."""

GONE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)
"""What says that the database is away or too busy, not that the statement is wrong."""


class PostgreSQL(Database):
    """Shared by every edge; connections are made again by themselves after an outage."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, patience: float) -> None:
        self._pool = pool
        self._patience = patience
        """Seconds in which a statement has to be answered, all tries together."""
        self._render = Renderer(dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy left it out

    @classmethod
    async def open(cls, url: str, *, connections: int, patience: float, lock_patience: float) -> "PostgreSQL":
        """Connect to the database that `url` names."""
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            pool = await asyncpg.create_pool(
                plain,
                min_size=1,
                max_size=connections,
                timeout=patience,
                reset=_keep,
                server_settings=_server_settings(patience, lock_patience),
            )
        except GONE as error:
            raise DatabaseGone from error
        return cls(pool, patience=patience)

    async def run(self, statement: ClauseElement, **values: Any) -> Sequence[Row]:
        """Run the statement on a free connection."""
        rendered = self._render(statement)
        arguments = rendered.arguments(values)
        deadline = time.monotonic() + self._patience
        for tries_left in reversed(range(TRIES)):
            try:
                return await self._fetch(rendered.sql, arguments, deadline)
            except asyncpg.LockNotAvailableError as error:
                raise DatabaseBusy from error
            except GONE as error:
                if tries_left == 0 or time.monotonic() >= deadline:
                    raise DatabaseGone from error
        raise DatabaseGone

    async def _fetch(self, sql: str, arguments: list[Any], deadline: float) -> Sequence[Row]:
        connection = await self._pool.acquire(timeout=deadline - time.monotonic())
        try:
            rows: Sequence[Row] = await connection.fetch(sql, *arguments, timeout=deadline - time.monotonic())
            return rows
        finally:
            # What was answered stays so, and who is cancelled stays cancelled, whatever becomes of the connection.
            with contextlib.suppress(*GONE):
                await self._pool.release(connection, timeout=CLEAR_UP_SECONDS)

    async def close(self) -> None:
        """Close every connection; one that does not answer is dropped."""
        try:
            await asyncio.wait_for(self._pool.close(), self._patience)
        except TimeoutError:
            self._pool.terminate()


async def _keep(connection: Any) -> None:
    """Nothing to reset: no statement changes the settings of its connection, and resetting costs a round trip."""


def _server_settings(patience: float, lock_patience: float) -> dict[str, str]:
    """Say how long the server may work and wait for an edge that it cannot know to be gone."""
    return {
        "lock_timeout": _milliseconds(lock_patience),
        "statement_timeout": _milliseconds(patience),
        # The machine of an edge may vanish without a word, and its connections would stay for two hours.
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }


def _milliseconds(seconds: float) -> str:
    # 0 would be without end.
    return str(max(1, round(seconds * 1000)))
