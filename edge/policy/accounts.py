"""Accounts: made by sign-up or by an operator, with a tier, wallets and keys."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, String, bindparam, exists, func, insert, literal, literal_column, or_, select, update

from edge.policy import Tier
from edge.policy.audit import audit
from edge.policy.database import Database, Row
from edge.policy.keys import tier_of
from edge.policy.ledger import Ledger
from edge.policy.steps import Kind
from edge.policy.tables import ACCOUNTS, ENTRIES, TIERS, WALLETS, now_ms
from edge.policy.wallets import Unit, Wallet, wallets_of

DAY_MS = 86_400_000

_ID = bindparam("id", type_=String)
_TIER = bindparam("tier", type_=String)
CREATE = (
    insert(ACCOUNTS)
    .from_select(
        ["id", "name", "tier", "created_at"],
        select(_ID, bindparam("name", type_=String), TIERS.c.name, now_ms()).where(TIERS.c.name == _TIER),
    )
    .returning(ACCOUNTS.c.id)
)
LIST = (
    select(ACCOUNTS.c.id, ACCOUNTS.c.name, ACCOUNTS.c.tier, ACCOUNTS.c.created_at, WALLETS.c.available.label("credits"))
    .outerjoin(WALLETS, WALLETS.c.id == ACCOUNTS.c.id + literal(f"/{Unit.CREDITS}"))
    .order_by(ACCOUNTS.c.created_at, ACCOUNTS.c.id)
)
FIND = (
    select(ACCOUNTS.c.id, ACCOUNTS.c.name.label("account_name"), now_ms().label("now"), TIERS)
    .join(TIERS, TIERS.c.name == ACCOUNTS.c.tier)
    .where(ACCOUNTS.c.id == _ID)
)
SET_TIER = (
    update(ACCOUNTS)
    .where(ACCOUNTS.c.id == _ID, exists().where(TIERS.c.name == _TIER))
    .values(tier=_TIER)
    .returning(ACCOUNTS.c.id)
)
# The length of a day stands in the text: as two parameters it would be two expressions to PostgreSQL.
_DAY = ENTRIES.c.at - ENTRIES.c.at % literal_column(str(DAY_MS))
USAGE = (
    select(
        _DAY.label("day"),
        WALLETS.c.unit,
        func.count().label("requests"),
        func.sum(ENTRIES.c.audio_ms).label("audio_ms"),
        func.sum(-ENTRIES.c.available - ENTRIES.c.held).label("used"),
    )
    .join(WALLETS, WALLETS.c.id == ENTRIES.c.wallet)
    .where(
        WALLETS.c.account == _ID,
        or_(ENTRIES.c.kind == Kind.SETTLE.value, ENTRIES.c.kind == Kind.LATE.value),
        ENTRIES.c.at >= now_ms() - bindparam("since_ms", type_=BigInteger),
    )
    .group_by(_DAY, WALLETS.c.unit)
    .order_by(_DAY)
)


class UnknownAccount(LookupError):
    """There is no such account, or no such tier."""


@dataclass(frozen=True, slots=True)
class Left:
    """What an account has left in one wallet."""

    unit: Unit
    available: int
    grant: int
    """What the period started with; 0 for credits."""
    resets_at: int
    """Milliseconds since 1970; 0 for credits."""


@dataclass(frozen=True, slots=True)
class Day:
    """What was used in one UTC day, in one unit."""

    at: int
    """The start of the day, in milliseconds since 1970."""
    unit: Unit
    requests: int
    audio_ms: int
    used: int


@dataclass(frozen=True, slots=True)
class Account:
    """An account and what it may still do."""

    id: str
    name: str
    tier: Tier
    left: tuple[Left, ...]


class Accounts:
    """Every account, for sign-up, for its owner and for operators."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def create(self, name: str, tier: str) -> str:
        """Make an account and give its id. Raises `UnknownAccount` if there is no such tier."""
        account = secrets.token_hex(16)
        if not await self._database.run(CREATE, id=account, name=name, tier=tier):
            raise UnknownAccount(f"no tier {tier!r}")
        audit("account_created", account=account, tier=tier)
        return account

    async def list(self) -> Sequence[Row]:
        """Give all accounts with their credits."""
        return await self._database.run(LIST)

    async def get(self, account: str) -> Account:
        """Give one account and what it has left. Raises `UnknownAccount`."""
        row = await self._find(account)
        tier = tier_of(row)
        left = [
            Left(wallet.unit, await self._ledger.available(wallet), wallet.grant, wallet.resets_at)
            for wallet in wallets_of(account, tier, row["now"])
        ]
        return Account(account, row["account_name"], tier, tuple(left))

    async def set_tier(self, account: str, tier: str) -> None:
        """Move the account to another tier, from its next request on. Raises `UnknownAccount`."""
        if not await self._database.run(SET_TIER, id=account, tier=tier):
            raise UnknownAccount(f"no account {account!r} or no tier {tier!r}")
        audit("tier_set", account=account, tier=tier)

    async def add_credits(self, account: str, amount: int, *, reference: str = "") -> int:
        """Add credits, once for each `reference`, and give the balance.

        Raises `UnknownAccount`.
        """
        await self._find(account)
        wallet = Wallet(account, Unit.CREDITS)
        await self._ledger.open(wallet)
        added = await self._ledger.add(wallet, amount, reference=f"credits {reference or secrets.token_hex(16)}")
        if added:
            audit("credits_added", account=account, amount=amount)
        return await self._ledger.available(wallet)

    async def usage(self, account: str, *, days: int = 31) -> tuple[Day, ...]:
        """Give what was used on each of the last `days` days on which something was."""
        rows = await self._database.run(USAGE, id=account, since_ms=days * DAY_MS)
        return tuple(
            Day(int(row["day"]), Unit(row["unit"]), int(row["requests"]), int(row["audio_ms"]), int(row["used"]))
            for row in rows
        )

    async def _find(self, account: str) -> Row:
        rows = await self._database.run(FIND, id=account)
        if not rows:
            raise UnknownAccount(f"no account {account!r}")
        return rows[0]
