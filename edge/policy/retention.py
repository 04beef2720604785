"""What is forgotten: answers after a day, tries of addresses after a week, dead processes when nothing is theirs."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import BigInteger, String, and_, bindparam, delete, exists, func, or_, select

from edge.policy.chores import one_of_many
from edge.policy.database import Database
from edge.policy.idempotency import KEEP_MS
from edge.policy.presence import alive
from edge.policy.tables import ENTRIES, HOLDS, LEASES, PROCESSES, REQUESTS, WALLETS, now_ms
from edge.policy.wallets import Unit

ADDRESS_DAYS = 7
"""How long the tries of an address are kept, though they count for a day only: to look into complaints."""

AT_ONCE = 200
"""Wallets forgotten at once; the next beat comes soon."""

_GRACE = bindparam("grace_ms", type_=BigInteger)
_WALLET = bindparam("wallet", type_=String)

LEASES_OF_THE_DEAD = delete(LEASES).where(~alive(LEASES.c.process))
DEAD = delete(PROCESSES).where(
    PROCESSES.c.alive_until < now_ms() - _GRACE,
    ~exists().where(HOLDS.c.process == PROCESSES.c.id),
)
ANSWERS = delete(REQUESTS).where(REQUESTS.c.created_at < now_ms() - KEEP_MS - _GRACE)
# By the day in its name: a wallet that was opened just now has no entry yet, and must not be taken for an old one.
_DAY = func.substr(WALLETS.c.id, func.length(WALLETS.c.id) - 9)  # the length of 2026-01-31, counted from 1
_PAST = and_(
    or_(WALLETS.c.unit == Unit.TRIES.value, WALLETS.c.unit == Unit.SIGN_UPS.value),
    WALLETS.c.held == 0,
    bindparam("before", type_=String) > _DAY,
)
OLD_WALLETS = select(WALLETS.c.id).where(_PAST).limit(AT_ONCE)
WALLET = delete(WALLETS).where(WALLETS.c.id == _WALLET, _PAST)
# The trigger lets go of entries only once their wallet is gone.
ENTRIES_OF_WALLET = delete(ENTRIES).where(ENTRIES.c.wallet == _WALLET)


async def forget(database: Database, *, grace_seconds: float, today: date | None = None) -> None:
    """Forget what is old; `today` is the UTC day."""
    grace_ms = round(grace_seconds * 1000)
    before = ((today or datetime.now(UTC).date()) - timedelta(days=ADDRESS_DAYS)).isoformat()
    with one_of_many("forget leases"):
        await database.run(LEASES_OF_THE_DEAD)
    with one_of_many("forget processes"):
        await database.run(DEAD, grace_ms=grace_ms)
    with one_of_many("forget answers"):
        await database.run(ANSWERS, grace_ms=grace_ms)
    for row in await database.run(OLD_WALLETS, before=before):
        with one_of_many("forget wallet", wallet=row["id"]):
            await database.run(WALLET, wallet=row["id"], before=before)
            await database.run(ENTRIES_OF_WALLET, wallet=row["id"])
