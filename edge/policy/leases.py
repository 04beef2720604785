"""Leases: the slots that an account's requests in flight occupy."""

import random

from sqlalchemy import Integer, String, bindparam, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from edge.policy.database import Database
from edge.policy.presence import alive
from edge.policy.tables import LEASES

_ACCOUNT = bindparam("account", type_=String)

BUSY = select(LEASES.c.slot).where(LEASES.c.account == _ACCOUNT, alive(LEASES.c.process))
_INSERT = insert(LEASES).values(
    account=_ACCOUNT,
    slot=bindparam("slot", type_=Integer),
    request=bindparam("request", type_=String),
    process=bindparam("process", type_=String),
)
TAKE = _INSERT.on_conflict_do_update(
    index_elements=[LEASES.c.account, LEASES.c.slot],
    set_={"request": _INSERT.excluded.request, "process": _INSERT.excluded.process},
    # A slot whose process has no pulse is free; one that this very request has was taken by an earlier try.
    where=or_(~alive(LEASES.c.process), LEASES.c.request == _INSERT.excluded.request),
).returning(LEASES.c.slot)
RELEASE = delete(LEASES).where(LEASES.c.request == bindparam("request", type_=String))


class Leases:
    """Slots, each of which one request has at a time."""

    def __init__(self, database: Database, *, process: str) -> None:
        self._database = database
        self._process = process

    async def take(self, account: str, request: str, *, limit: int) -> bool:
        """Occupy one of `limit` slots; False if all are taken."""
        values = {"account": account, "request": request, "process": self._process}
        if limit < 1:
            return False
        # Most often nearly all are free: try any one, and look only if it is not.
        tried = random.randrange(limit)  # noqa: S311 - it spreads, it hides nothing
        if await self._database.run(TAKE, **values, slot=tried):
            return True
        busy = {row["slot"] for row in await self._database.run(BUSY, account=account)}
        free = [slot for slot in range(limit) if slot not in busy]
        # Others look at the same free slots at the same moment.
        random.shuffle(free)
        for slot in free:
            if await self._database.run(TAKE, **values, slot=slot):
                return True
        return False

    async def release(self, request: str) -> None:
        """Free the slot of `request`, if it has one."""
        await self._database.run(RELEASE, request=request)
