"""API keys: shown once, then known only by their HMAC."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, String, bindparam, insert, or_, select, update

from edge.policy import Tier
from edge.policy.audit import audit
from edge.policy.database import Database, Row
from edge.policy.errors import Unauthorized
from edge.policy.tables import ACCOUNTS, KEYS, TIERS, now_ms

PREFIX = "vb_"
"""Lets people and secret scanners see what a string is."""

TOUCH_MS = 60_000
"""The last use of a key is noted at most this often."""

_DIGEST = bindparam("digest", type_=String)
_ID = bindparam("id", type_=String)
_ACCOUNT = bindparam("account", type_=String)
_GOOD = KEYS.c.revoked_at.is_(None) & or_(KEYS.c.expires_at.is_(None), KEYS.c.expires_at > now_ms())

FIND = (
    select(KEYS.c.id, KEYS.c.digest, KEYS.c.account, KEYS.c.used_at, now_ms().label("now"), TIERS)
    .join(ACCOUNTS, ACCOUNTS.c.id == KEYS.c.account)
    .join(TIERS, TIERS.c.name == ACCOUNTS.c.tier)
    .where(KEYS.c.digest == _DIGEST, _GOOD)
)
STILL_GOOD = select(KEYS.c.id).where(KEYS.c.id == _ID, _GOOD)
TOUCH = update(KEYS).where(KEYS.c.id == _ID).values(used_at=now_ms())
CREATE = insert(KEYS).values(
    id=_ID,
    account=_ACCOUNT,
    digest=_DIGEST,
    name=bindparam("name", type_=String),
    created_at=now_ms(),
    expires_at=now_ms() + bindparam("lifetime_ms", type_=BigInteger),
)
REVOKE = (
    update(KEYS)
    .where(KEYS.c.id == _ID, KEYS.c.account == _ACCOUNT, KEYS.c.revoked_at.is_(None))
    .values(revoked_at=now_ms())
    .returning(KEYS.c.id)
)
LIST = (
    select(KEYS.c.id, KEYS.c.name, KEYS.c.created_at, KEYS.c.expires_at, KEYS.c.revoked_at, KEYS.c.used_at)
    .where(KEYS.c.account == _ACCOUNT)
    .order_by(KEYS.c.created_at, KEYS.c.id)
)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the only moment at which it is known."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a good key belongs to."""

    key: str
    """The id of the key."""
    account: str
    tier: Tier


class Keys:
    """The keys of every account."""

    def __init__(self, database: Database, *, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    def digest(self, text: str, *, purpose: str) -> str:
        """Give the keyed hash of `text`; different purposes give unrelated hashes."""
        return hmac.new(self._secret, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()

    async def find(self, key: str) -> Holder:
        """Tell whose key it is.

        The same work is done for a known and an unknown key, and what is compared is a hash that the caller cannot
        steer, so that the time it takes tells nothing. Raises `Unauthorized`.
        """
        digest = self.digest(key, purpose="key")
        rows = await self._database.run(FIND, digest=digest)
        if not rows or not hmac.compare_digest(rows[0]["digest"], digest):
            raise Unauthorized("This API key is not valid.")
        row = rows[0]
        if row["used_at"] is None or row["used_at"] < row["now"] - TOUCH_MS:
            await self._database.run(TOUCH, id=row["id"])
        return Holder(row["id"], row["account"], tier_of(row))

    async def check(self, key: str) -> None:
        """Raise `Unauthorized` if the key with the id `key` was revoked or has expired."""
        if not await self._database.run(STILL_GOOD, id=key):
            raise Unauthorized("This API key is no longer valid.")

    async def create(self, account: str, name: str, *, lifetime_seconds: int | None = None) -> NewKey:
        """Make a key for `account`, good for ever or for `lifetime_seconds`."""
        new = NewKey(secrets.token_hex(8), PREFIX + secrets.token_urlsafe(32))
        await self._database.run(
            CREATE,
            id=new.id,
            account=account,
            digest=self.digest(new.key, purpose="key"),
            name=name,
            lifetime_ms=None if lifetime_seconds is None else lifetime_seconds * 1000,
        )
        audit("key_created", account=account, key=new.id)
        return new

    async def revoke(self, account: str, key: str) -> bool:
        """End the key with the id `key`; False if the account has no such key that is good."""
        revoked = bool(await self._database.run(REVOKE, id=key, account=account))
        if revoked:
            audit("key_revoked", account=account, key=key)
        return revoked

    async def list(self, account: str) -> Sequence[Row]:
        """Give the keys of an account, without what is secret."""
        return await self._database.run(LIST, account=account)


def tier_of(row: Row) -> Tier:
    """Read the columns of `tiers` out of a row."""
    return Tier(
        name=row["name"],
        max_bytes=row["max_bytes"],
        concurrent=row["concurrent"],
        minutes_month=row["minutes_month"],
        transcriptions_day=row["transcriptions_day"],
        credits=bool(row["credits"]),
    )
