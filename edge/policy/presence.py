"""The pulse of this process in the database: what it holds is its own for as long as the pulse goes on."""

import secrets
import time

from sqlalchemy import BigInteger, Column, ColumnElement, String, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from edge.policy.database import Database
from edge.policy.tables import PROCESSES, now_ms

_ALIVE_UNTIL = now_ms() + bindparam("lease_ms", type_=BigInteger)
_INSERT = insert(PROCESSES).values(id=bindparam("id", type_=String), alive_until=_ALIVE_UNTIL)
BEAT = _INSERT.on_conflict_do_update(
    index_elements=[PROCESSES.c.id], set_={"alive_until": _INSERT.excluded.alive_until}
).returning(now_ms().label("now"))

STOP = delete(PROCESSES).where(PROCESSES.c.id == bindparam("id", type_=String))


def alive(process: Column[str]) -> ColumnElement[bool]:
    """Say, in SQL, whether the process in this column has a pulse."""
    # Not a correlated EXISTS: inside ON CONFLICT it would not be tied to the row in question.
    return process.in_(select(PROCESSES.c.id).where(PROCESSES.c.alive_until > now_ms()))


class Presence:
    """One edge process among those that share the database."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        self._database = database
        self._lease_ms = round(lease_seconds * 1000)
        self.id = secrets.token_hex(8)
        self._ahead_ms: int | None = None

    async def beat(self) -> None:
        """Say that the process lives, for another lease."""
        [row] = await self._database.run(BEAT, id=self.id, lease_ms=self._lease_ms)
        # Half the way of the answer too early: nothing, for telling days apart.
        self._ahead_ms = row["now"] - time.monotonic_ns() // 1_000_000

    async def now(self) -> int:
        """Give the time by the database's clock, as it was read by the last beat."""
        if self._ahead_ms is None:
            await self.beat()
        return time.monotonic_ns() // 1_000_000 + (self._ahead_ms or 0)

    async def stop(self) -> None:
        """Say that the process is gone, so that nobody waits for the lease to end."""
        await self._database.run(STOP, id=self.id)
