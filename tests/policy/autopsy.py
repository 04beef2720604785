"""What a killed edge leaves in its database: how far its requests were, and whether all is told and paid in the end."""

from collections.abc import Collection

from sqlalchemy import String, bindparam, func, or_, select

from edge.policy.office import Office
from edge.policy.reconcile import reconcile
from edge.policy.steps import END, Kind
from edge.policy.tables import ENTRIES, HOLDS, LEASES, REQUESTS, WALLETS
from tests.policy.customers import Customer

_ACCOUNT = bindparam("account", type_=String)
_MINE = ENTRIES.c.wallet.in_(select(WALLETS.c.id).where(WALLETS.c.account == _ACCOUNT))
_SPENT = select(func.coalesce(-func.sum(ENTRIES.c.available + ENTRIES.c.held), 0).label("spent")).where(
    # Whatever was taken, under any name; what was put in is as it was.
    _MINE,
    or_(ENTRIES.c.kind != Kind.GRANT.value, ENTRIES.c.available < 0),
)
_REQUEST = bindparam("request", type_=String)
_STANDING = select(
    select(func.count()).select_from(HOLDS).where(HOLDS.c.request == _REQUEST).scalar_subquery().label("holds"),
    select(func.count()).select_from(LEASES).where(LEASES.c.request == _REQUEST).scalar_subquery().label("slots"),
)
_STEPS = select(ENTRIES.c.request, ENTRIES.c.step, ENTRIES.c.kind).where(_MINE, ENTRIES.c.kind != Kind.GRANT.value)
_SLOTS = select(LEASES.c.request).where(LEASES.c.account == _ACCOUNT)
_KEYS = select(REQUESTS.c.request, REQUESTS.c.answer.is_not(None).label("kept")).where(REQUESTS.c.account == _ACCOUNT)
_LEFT = select(
    select(func.count()).select_from(HOLDS).scalar_subquery().label("holds"),
    select(func.count()).select_from(LEASES).scalar_subquery().label("slots"),
    select(func.count()).select_from(WALLETS).where(WALLETS.c.available < 0).scalar_subquery().label("below"),
)


async def stages(office: Office, accounts: Collection[str]) -> dict[str, str]:
    """Give after which step each request was that is not over, by what is in the tables."""
    found: dict[str, str] = {}
    for account in accounts:
        slots = {row["request"] for row in await office.database.run(_SLOTS, account=account)}
        keys = {row["request"]: bool(row["kept"]) for row in await office.database.run(_KEYS, account=account)}
        steps: dict[str, list[str]] = {}
        for row in await office.database.run(_STEPS, account=account):
            steps.setdefault(row["request"], []).append(row["kind"] if row["step"] == END else "hold")
        for request in slots | keys.keys() | steps.keys():
            taken = steps.get(request, [])
            ended = [step for step in taken if step != "hold"]
            if ended and request not in slots:
                continue
            found[request] = _stage(taken, ended, kept=keys.get(request))
    return found


def _stage(taken: list[str], ended: list[str], *, kept: bool | None) -> str:
    if ended:
        return f"{ended[0]}d, slot not given back"
    if kept:
        return "answer kept, not settled"
    if len(taken) > 1:
        return "hold raised"
    if kept is not None:
        return "key claimed"
    return "held" if taken else "slot taken"


async def faults(office: Office, found: Collection[Customer]) -> list[str]:
    """Compare the books of one run with what its customers were told, once no hold is left."""
    wrong = [customer.wrong for customer in found if customer.wrong]
    for account in {customer.account for customer in found}:
        mine = [customer for customer in found if customer.account == account]
        possible = {0}
        for customer in mine:
            possible = {sum_ + cost for sum_ in possible for cost in customer.costs}
        [row] = await office.database.run(_SPENT, account=account)
        if row["spent"] not in possible:
            told = ", ".join(f"{customer.kind} {'told' if customer.told else 'cut off'}" for customer in mine)
            wrong.append(f"charged {row['spent']}, not one of {sorted(possible)}: {told}")
    return wrong


async def standing(office: Office, requests: Collection[str]) -> int:
    """Give how many holds and slots these requests still have."""
    found = 0
    for request in requests:
        [row] = await office.database.run(_STANDING, request=request)
        found += row["holds"] + row["slots"]
    return found


async def leftovers(office: Office) -> list[str]:
    """Say what is wrong with the books as a whole, when nobody asks any more."""
    wrong = []
    [row] = await office.database.run(_LEFT)
    if row["holds"] or row["slots"]:
        wrong.append(f"{row['holds']} holds and {row['slots']} slots are left")
    if row["below"]:
        wrong.append(f"{row['below']} balances are below 0")
    report = await reconcile(office.database)
    if report.unexplained:
        wrong.append(f"unexplained: {report}")
    return wrong
