"""A database that runs one statement at a time, each of them whole: it happens entirely or not at all.

Every step of the policy is one statement, so there is nothing between two of them that a crash could tear, and any of
them may be tried again. The statements are SQLAlchemy Core, rendered once for each dialect and handed to the driver.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement, Select
from sqlalchemy.sql.compiler import SQLCompiler

from edge.policy.errors import PolicyUnavailable


class DatabaseGone(PolicyUnavailable):
    """The database does not answer; what was asked may or may not have happened."""

    def __init__(self) -> None:
        super().__init__("The account service is unavailable, try again shortly.", retry_after=5)


class DatabaseBusy(DatabaseGone):
    """Somebody else keeps what the statement needs locked; it did not happen."""


class Row(Protocol):
    """One row, its values by column name."""

    def __getitem__(self, name: str, /) -> Any:
        """Give the value of the column `name`."""


class Database(Protocol):
    """Where the books are kept."""

    async def run(self, statement: ClauseElement, **values: Any) -> Sequence[Row]:
        """Run one statement and give its rows.

        Raises `DatabaseGone` if the database cannot be reached, `DatabaseBusy` if others have locked what it needs.
        """

    async def close(self) -> None:
        """Let go of every connection."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A statement as a driver takes it."""

    sql: str
    names: tuple[str, ...]
    """The parameters, in the order in which the text has them."""
    constants: dict[str, Any]
    """The parameters that the statement itself fixes."""
    reads: bool
    """Whether it changes nothing."""

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """Put the values in the order of the text."""
        merged = {**self.constants, **values}
        return [merged[name] for name in self.names]


class Renderer:
    """Renders each statement once; statements are module constants, so the cache is as large as the code."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._cache: dict[ClauseElement, Rendered] = {}

    def __call__(self, statement: ClauseElement) -> Rendered:
        """Give the text of `statement`."""
        rendered = self._cache.get(statement)
        if rendered is None:
            compiled = cast("SQLCompiler", statement.compile(dialect=self._dialect))
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            names = tuple(compiled.positiontup or ())
            rendered = Rendered(str(compiled), names, constants, isinstance(statement, Select))
            self._cache[statement] = rendered
        return rendered


async def open_database(
    url: str, *, connections: int = 8, patience: float = 5.0, lock_patience: float = 2.0
) -> Database:
    """Open `sqlite:///path` or `postgresql://user@host/name`; its tables are there (see `migrations`).

    What else is given is for PostgreSQL: seconds that it has to answer, and that a row locked by others is waited for.
    """
    from edge.policy.postgresql import PostgreSQL
    from edge.policy.sqlite import SQLite

    if url.startswith("sqlite:"):
        return await SQLite.open(url)
    return await PostgreSQL.open(url, connections=connections, patience=patience, lock_patience=lock_patience)
