"""PostgreSQL over a pool of connections, one round trip a statement."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it comes without
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.engine import make_url
from sqlalchemy.sql import ClauseElement

from edge.policy.database import Database, DatabaseGone, Renderer, Row

TRIES = 3
"""A statement that lost a deadlock, or its connection, is run again: each is safe to repeat."""

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
        """Seconds in which a statement has to be answered."""
        self._render = Renderer(dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy left it out

    @classmethod
    async def open(cls, url: str, *, connections: int, patience: float) -> "PostgreSQL":
        """Connect to the database that `url` names."""
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            pool = await asyncpg.create_pool(
                plain, min_size=1, max_size=connections, timeout=patience, command_timeout=patience, reset=_keep
            )
        except GONE as error:
            raise DatabaseGone from error
        return cls(pool, patience=patience)

    async def run(self, statement: ClauseElement, **values: Any) -> Sequence[Row]:
        """Run the statement on a free connection."""
        rendered = self._render(statement)
        arguments = rendered.arguments(values)
        for tries_left in reversed(range(TRIES)):
            try:
                return await self._fetch(rendered.sql, arguments)
            except GONE as error:
                if tries_left == 0:
                    raise DatabaseGone from error
        raise DatabaseGone

    async def _fetch(self, sql: str, arguments: list[Any]) -> Sequence[Row]:
        connection = await self._pool.acquire(timeout=self._patience)
        try:
            rows: Sequence[Row] = await connection.fetch(sql, *arguments)
            return rows
        finally:
            await self._pool.release(connection)

    async def close(self) -> None:
        """Close every connection; one that does not answer is dropped."""
        try:
            await asyncio.wait_for(self._pool.close(), self._patience)
        except TimeoutError:
            self._pool.terminate()


async def _keep(connection: Any) -> None:
    """Nothing to reset: no statement changes the settings of its connection, and resetting costs a round trip."""
