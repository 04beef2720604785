"""The policy that counts: keys, tiers, slots, minutes and credits, in one database for any number of processes."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy import select

from edge.policy import Admission, Kind, Policy, Principal
from edge.policy.accounts import Accounts
from edge.policy.addresses import Network, caller
from edge.policy.admission import Desk, Metered
from edge.policy.audit import audit
from edge.policy.database import Database
from edge.policy.errors import PolicyError, SignUpClosed, TooManyRequests, Unauthorized
from edge.policy.keys import NewKey, tier_of
from edge.policy.ledger import Insufficient
from edge.policy.metrics import ADMISSIONS, REFUSALS
from edge.policy.outcomes import Outcome, Running
from edge.policy.tables import TIERS
from edge.policy.wallets import Unit, daily, wallets_of

ANONYMOUS = "anonymous"
"""The tier of callers without a key."""

_ANONYMOUS_TIER = select(TIERS).where(TIERS.c.name == ANONYMOUS)


class MeteredPolicy(Policy):
    """Everybody has what their tier gives them."""

    def __init__(
        self, database: Database, desk: Desk, accounts: Accounts, *, trusted: Sequence[Network], sign_ups: int | None
    ) -> None:
        self.accounts = accounts
        self.keys = desk.keys
        self._database = database
        self._desk = desk
        self._trusted = trusted
        self._sign_ups = sign_ups
        """How many accounts an address may make in a day; None: sign-up is closed."""
        self._leaving: set[asyncio.Task[None]] = set()

    async def identify(
        self,
        *,
        authorization: str | None,
        token: str | None,
        protocols: Sequence[str],
        peer: str,
        forwarded: Sequence[str],
    ) -> Principal:
        """Tell who calls. A key that was sent but is bad never becomes an anonymous caller."""
        key = _key_sent(authorization, token, protocols)
        if key is None:
            [row] = await self._database.run(_ANONYMOUS_TIER)
            return Principal(self._subject(peer, forwarded), tier_of(row), anonymous=True)
        try:
            holder = await self._desk.keys.find(key)
        except Unauthorized:
            REFUSALS.labels(Unauthorized.code, "").inc()
            audit("refused", code=Unauthorized.code, caller=self._subject(peer, forwarded))
            raise
        return Principal(holder.account, holder.tier, anonymous=False, key=holder.key)

    def admit(self, principal: Principal, *, kind: Kind, request_id: str) -> AbstractAsyncContextManager[Admission]:
        """Let one request in: a slot, then the least that a request costs."""
        return self._admitted(principal, kind, request_id)

    async def known(self, principal: Principal, key: str) -> bool:
        """Tell whether the key has an answer, or is being worked on."""
        return await self._desk.idempotency.known(principal.account, key)

    async def replay(self, principal: Principal, key: str, fingerprint: str) -> Outcome:
        """Give the answer that the key has."""
        known = await self._desk.idempotency.recall(principal.account, key)
        return Running() if known is None else await self._desk.replayed(known, fingerprint)

    async def sign_up(self, name: str, *, peer: str, forwarded: Sequence[str]) -> tuple[str, NewKey]:
        """Make a free account and its first key.

        Raises `SignUpClosed`, or `TooManyRequests` if the address made enough today.
        """
        if self._sign_ups is None:
            raise SignUpClosed("Accounts are made by the operator of this server.")
        now = await self._desk.presence.now()
        wallet = daily(self._subject(peer, forwarded), Unit.SIGN_UPS, self._sign_ups, now)
        request = secrets.token_hex(16)
        try:
            await self._desk.ledger.hold(request, wallet, 1)
        except Insufficient as error:
            raise TooManyRequests(
                "Too many accounts were made from this address today.",
                retry_after=max(1, (wallet.resets_at - now) // 1000),
            ) from error
        await self._desk.books.settle_in(request, wallet, 0)
        account = await self.accounts.create(name, "free")
        return account, await self._desk.keys.create(account, "first key")

    async def close(self) -> None:
        """Wait for the requests that are just leaving."""
        if self._leaving:
            await asyncio.wait(self._leaving)

    @asynccontextmanager
    async def _admitted(self, principal: Principal, kind: Kind, request_id: str) -> AsyncIterator[Admission]:
        now = await self._desk.presence.now()
        counted = kind != "summary"
        wallets = wallets_of(principal.account, principal.tier, now) if counted else ()
        # An id of our own: the caller may choose `request_id`, and one that came twice would be counted once.
        request = secrets.token_hex(16)
        admission = Metered(self._desk, principal, wallets, kind=kind, request=request, now=now)
        tier = principal.tier.name
        try:
            await admission.enter()
            ADMISSIONS.labels(kind, tier).inc()
            audit("admitted", request=admission.request, request_id=request_id, account=principal.account, tier=tier)
            yield admission
        except PolicyError as error:
            REFUSALS.labels(error.code, tier).inc()
            audit("refused", code=error.code, request_id=request_id, account=principal.account, tier=tier)
            raise
        finally:
            leaving = asyncio.create_task(admission.leave())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            await asyncio.shield(leaving)

    def _subject(self, peer: str, forwarded: Sequence[str]) -> str:
        """Name an address without saying it."""
        network = caller(peer, forwarded, trusted=self._trusted)
        return f"ip:{self._desk.keys.digest(network, purpose='address')[:32]}"


def _key_sent(authorization: str | None, token: str | None, protocols: Sequence[str]) -> str | None:
    """Find the key in what was sent, None if none was. Raises `Unauthorized` for what cannot be one."""
    if authorization is not None:
        scheme, _, key = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("Send the API key as `Authorization: Bearer YOUR_API_KEY`.")
        return key.strip()
    if token is not None:
        return token
    offered = [part.strip() for value in protocols for part in value.split(",")]
    if "bearer" in offered:
        return next(iter(offered[offered.index("bearer") + 1 :]), "")
    return None
