"""The reconciler: whether entries, balances, holds and answers tell the same story."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, and_, bindparam, exists, func, select

from edge.policy.database import Database
from edge.policy.metrics import UNEXPLAINED
from edge.policy.steps import END, Kind
from edge.policy.tables import ENTRIES, HOLDS, REQUESTS, WALLETS, now_ms

_MOVED = exists().where(
    ENTRIES.c.wallet == WALLETS.c.id,
    ENTRIES.c.at >= now_ms() - bindparam("since_ms", type_=BigInteger),
)
_BOOKED = (
    select(
        ENTRIES.c.wallet,
        func.sum(ENTRIES.c.available).label("available"),
        func.sum(ENTRIES.c.held).label("held"),
    )
    .where(ENTRIES.c.wallet.in_(select(WALLETS.c.id).where(_MOVED)))
    .group_by(ENTRIES.c.wallet)
    .subquery("booked")
)
_HELD = select(HOLDS.c.wallet, func.sum(HOLDS.c.amount).label("amount")).group_by(HOLDS.c.wallet).subquery("held")

BALANCES = (
    select(
        func.coalesce(
            func.sum(
                func.abs(WALLETS.c.available - func.coalesce(_BOOKED.c.available, 0))
                + func.abs(WALLETS.c.held - func.coalesce(_BOOKED.c.held, 0))
                + func.abs(WALLETS.c.held - func.coalesce(_HELD.c.amount, 0))
            ),
            0,
        ).label("difference")
    )
    .select_from(WALLETS)
    .outerjoin(_BOOKED, _BOOKED.c.wallet == WALLETS.c.id)
    .outerjoin(_HELD, _HELD.c.wallet == WALLETS.c.id)
    .where(_MOVED)
)
_BACK = ENTRIES.alias("back")
_LATE = ENTRIES.alias("late")
UNPAID = (
    # Answers that were kept, whose hold ended without a settlement, and that no late one made good.
    select(func.count().label("unpaid"))
    .select_from(REQUESTS)
    .join(
        _BACK,
        and_(_BACK.c.request == REQUESTS.c.request, _BACK.c.step == END, _BACK.c.kind != Kind.SETTLE.value),
    )
    .outerjoin(
        _LATE,
        and_(_LATE.c.request == _BACK.c.request, _LATE.c.wallet == _BACK.c.wallet, _LATE.c.kind == Kind.LATE.value),
    )
    .where(REQUESTS.c.answer.is_not(None), _LATE.c.request.is_(None))
)


@dataclass(frozen=True, slots=True)
class Report:
    """What does not add up."""

    difference: int
    """Units by which balances differ from the sum of their entries, or holds from what is held."""
    unpaid: int
    """Answers that were kept and not paid for."""

    @property
    def unexplained(self) -> int:
        """Everything that should not be."""
        return self.difference + self.unpaid


async def reconcile(database: Database, *, since_seconds: float = 10 * 365 * 86_400.0) -> Report:
    """Check the wallets that moved in the last `since_seconds`, all of them if left out."""
    [balances] = await database.run(BALANCES, since_ms=round(since_seconds * 1000))
    [unpaid] = await database.run(UNPAID)
    report = Report(int(balances["difference"]), int(unpaid["unpaid"]))
    UNEXPLAINED.set(report.unexplained)
    return report
