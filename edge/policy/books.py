"""The books of requests: one request, all the wallets it is counted in."""

from sqlalchemy import BigInteger, String, and_, bindparam, exists, func, or_, select

from edge.policy.audit import audit
from edge.policy.chores import one_of_many
from edge.policy.database import Database
from edge.policy.ledger import Ledger
from edge.policy.metrics import HELD, STEPS
from edge.policy.steps import END, Kind
from edge.policy.tables import ENTRIES, HOLDS, PROCESSES, REQUESTS, WALLETS, now_ms
from edge.policy.wallets import Unit, Wallet

SWEEP = 500
"""Holds ended in one sweep at most; the next comes soon."""

WALLETS_OF = (
    select(WALLETS.c.id, WALLETS.c.account, WALLETS.c.unit)
    .where(
        exists().where(
            ENTRIES.c.wallet == WALLETS.c.id,
            ENTRIES.c.request == bindparam("request", type_=String),
            ENTRIES.c.kind == Kind.HOLD.value,
        )
    )
    .order_by(WALLETS.c.id)
)
ABANDONED = (
    select(HOLDS.c.request, WALLETS.c.id, WALLETS.c.account, WALLETS.c.unit, REQUESTS.c.audio_ms)
    .join(WALLETS, WALLETS.c.id == HOLDS.c.wallet)
    .outerjoin(PROCESSES, PROCESSES.c.id == HOLDS.c.process)
    .outerjoin(REQUESTS, and_(REQUESTS.c.request == HOLDS.c.request, REQUESTS.c.answer.is_not(None)))
    .where(
        or_(
            PROCESSES.c.id.is_(None),
            PROCESSES.c.alive_until < now_ms() - bindparam("grace_ms", type_=BigInteger),
        )
    )
    # Those that cannot be ended must not be the first in every sweep.
    .order_by(func.random())
    .limit(SWEEP)
)
_END, _LATE = ENTRIES.alias("ended"), ENTRIES.alias("late")
UNPAID = (
    # Answers that were kept after their hold had ended, by an edge that died before it charged them.
    select(REQUESTS.c.request, REQUESTS.c.audio_ms)
    .join(_END, and_(_END.c.request == REQUESTS.c.request, _END.c.step == END, _END.c.kind != Kind.SETTLE.value))
    .outerjoin(
        _LATE,
        and_(_LATE.c.request == _END.c.request, _LATE.c.wallet == _END.c.wallet, _LATE.c.kind == Kind.LATE.value),
    )
    .where(REQUESTS.c.answer.is_not(None), _LATE.c.request.is_(None))
    .order_by(func.random())
    .limit(SWEEP)
)
COUNT = select(func.count().label("holds")).select_from(HOLDS)


class Books:
    """Ends requests in the ledger, by whoever comes to do it: the request itself, a replay, the sweeper."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def settle(self, request: str, audio_ms: int) -> None:
        """Charge `request` for its audio in every wallet it held in; nothing where that was done before."""
        for row in await self._database.run(WALLETS_OF, request=request):
            await self.settle_in(request, _wallet(row["id"], row["account"], row["unit"]), audio_ms)

    async def settle_in(self, request: str, wallet: Wallet, audio_ms: int) -> None:
        """Charge `request` in one wallet."""
        taken = await self._ledger.settle(request, wallet, wallet.cost(audio_ms), audio_ms=audio_ms)
        if taken is not None:
            STEPS.labels("settle", wallet.unit.value).inc()
            audit("settle", request=request, wallet=wallet.id, amount=taken, audio_ms=audio_ms)

    async def release(self, request: str) -> None:
        """Give back what `request` holds."""
        for row in await self._database.run(WALLETS_OF, request=request):
            await self.release_in(request, _wallet(row["id"], row["account"], row["unit"]))

    async def release_in(self, request: str, wallet: Wallet, *, kind: Kind = Kind.RELEASE) -> None:
        """Give back what `request` holds in one wallet."""
        if await self._ledger.release(request, wallet, kind=kind):
            STEPS.labels(kind.value, wallet.unit.value).inc()
            audit(kind.value, request=request, wallet=wallet.id)

    async def collect(self) -> None:
        """Charge for answers that were kept and not paid, though their hold has ended."""
        for row in await self._database.run(UNPAID):
            with one_of_many("collect", request=row["request"]):
                await self.settle(row["request"], row["audio_ms"])

    async def sweep(self, *, grace_seconds: float) -> int:
        """End the holds of processes without a pulse for `grace_seconds`, and give how many.

        Where the answer was kept, the work was done and is charged; otherwise the hold expires. One that is locked
        is left to the next sweep.
        """
        ended = 0
        for row in await self._database.run(ABANDONED, grace_ms=round(grace_seconds * 1000)):
            with one_of_many("sweep", request=row["request"], wallet=row["id"]):
                wallet = _wallet(row["id"], row["account"], row["unit"])
                if row["audio_ms"] is not None:
                    await self.settle_in(row["request"], wallet, row["audio_ms"])
                else:
                    await self.release_in(row["request"], wallet, kind=Kind.EXPIRE)
                ended += 1
        [counted] = await self._database.run(COUNT)
        HELD.set(counted["holds"])
        return ended


def _wallet(identity: str, account: str, unit: str) -> Wallet:
    period = identity.removeprefix(f"{account}/{unit}").lstrip("/")
    return Wallet(account, Unit(unit), period)
