"""An admission: one request that was let in, and what it holds until it ends."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

from edge.policy import Admission, Kind, Principal
from edge.policy.audit import audit
from edge.policy.books import Books
from edge.policy.database import DatabaseGone
from edge.policy.errors import PaymentRequired, PolicyUnavailable, TooManyRequests
from edge.policy.idempotency import Claimed, Idempotency, Kept, Superseded, pack
from edge.policy.journal import Journal, Note
from edge.policy.keys import Keys
from edge.policy.leases import Leases
from edge.policy.ledger import HoldEnded, Insufficient, Ledger
from edge.policy.metrics import STEPS
from edge.policy.outcomes import Answer, Fresh, Limit, Mismatch, Outcome, Replay, Running
from edge.policy.presence import Presence
from edge.policy.wallets import Unit, Wallet, milliseconds

BUSY_RETRY_SECONDS = 5
"""When to come back if too much is in flight: nobody knows when a request ends."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What admissions work with."""

    presence: Presence
    keys: Keys
    ledger: Ledger
    leases: Leases
    books: Books
    journal: Journal
    idempotency: Idempotency

    async def replayed(self, known: Kept, fingerprint: str) -> Outcome:
        """Tell what a key that was used before means for a request with this fingerprint."""
        if known.fingerprint != fingerprint:
            return Mismatch()
        if known.answer is None:
            return Running()
        # Whoever kept the answer may have died before it was charged.
        await self.books.settle(known.request, known.audio_ms)
        return Replay(known.answer)


class Metered(Admission):
    """A request that is counted.

    It starts with a slot and with the least that any request costs; `hold` raises that, and it ends by `settle`, or by
    being left, which gives everything back.
    """

    def __init__(
        self, desk: Desk, principal: Principal, wallets: tuple[Wallet, ...], *, kind: Kind, request: str, now: int
    ) -> None:
        self.max_bytes = principal.tier.max_bytes
        self.request = request
        self._desk = desk
        self._principal = principal
        self._wallets = wallets
        self._kind = kind
        self._now = now
        self._held: dict[Wallet, int] = {}
        self._touched: set[Wallet] = set()
        """Where something may be held: an answer that was lost may have been a yes."""
        self._left: dict[Wallet, Limit] = {}
        self._steps: set[asyncio.Task[None]] = set()
        self._claimed = False
        self._ended = False

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What is left of everything that this request is counted in."""
        return tuple(self._left.values())

    async def enter(self) -> None:
        """Take a slot, then the least that a request costs. Raises `TooManyRequests` or `PaymentRequired`."""
        await self._uninterrupted(self._enter())

    async def hold(self, seconds: float) -> None:
        """Set aside what `seconds` of audio cost in all.

        Raises `PaymentRequired`, or `Unauthorized` if the key was revoked meanwhile.
        """
        if self._principal.key and self._kind == "stream":
            # A stream goes on for hours after its key was looked at.
            await self._desk.keys.check(self._principal.key)
        await self._uninterrupted(self._hold(milliseconds(seconds)))

    async def settle(self, seconds: float) -> None:
        """Charge for `seconds`, at most what is held; if the database is away, as soon as it is back."""
        await self._uninterrupted(self._settle(milliseconds(seconds)))

    async def begin(self, key: str, fingerprint: str) -> Outcome:
        """Claim an idempotency key; leaving without `finish` gives it back."""
        # Until the answer says otherwise: one that is lost may have been a yes.
        self._claimed = True
        known = await self._desk.idempotency.claim(self._principal.account, key, fingerprint, request=self.request)
        if isinstance(known, Claimed):
            return Fresh()
        self._claimed = False
        return await self._desk.replayed(known, fingerprint)

    async def finish(self, answer: Answer, *, seconds: float) -> None:
        """Keep the answer if a key was claimed, and charge; both wait in the journal if the database is away."""
        await self._uninterrupted(self._finish(answer, milliseconds(seconds)))

    async def leave(self) -> None:
        """Give back what is held, if it was not settled, and the key and the slot."""
        if self._steps:
            # The caller was cut off in the middle of one: it ends first, or what it holds would be missed.
            await asyncio.wait(self._steps)
        try:
            if not self._ended:
                self._ended = True
                if self._claimed:
                    await self._desk.idempotency.abandon(self.request)
                for wallet in self._touched:
                    await self._desk.books.release_in(self.request, wallet)
            await self._desk.leases.release(self.request)
        except DatabaseGone:
            await self._desk.journal.write(Note(self.request, None))

    async def _uninterrupted(self, work: Coroutine[Any, Any, None]) -> None:
        """Do one step to its end even if the caller is cancelled in the middle."""
        step = asyncio.create_task(work)
        self._steps.add(step)
        step.add_done_callback(self._steps.discard)
        await asyncio.shield(step)

    async def _enter(self) -> None:
        tier = self._principal.tier
        if self._kind != "summary" and not await self._desk.leases.take(
            self._principal.account, self.request, limit=tier.concurrent
        ):
            raise TooManyRequests(
                f"Too many requests at once: the {tier.name} tier has {tier.concurrent} in flight at most.",
                retry_after=BUSY_RETRY_SECONDS,
                code="too_many_concurrent",
            )
        await self._hold(0)

    async def _hold(self, audio_ms: int) -> None:
        for wallet in self._wallets:
            amount = wallet.cost(audio_ms)
            if amount > self._held.get(wallet, 0):
                self._left[wallet] = self._limit(wallet, await self._hold_in(wallet, amount))

    async def _hold_in(self, wallet: Wallet, amount: int) -> int:
        ledger = self._desk.ledger
        self._touched.add(wallet)
        try:
            if wallet in self._held:
                remaining = await ledger.raise_to(self.request, wallet, amount)
            else:
                remaining = await ledger.hold(self.request, wallet, amount)
        except Insufficient as error:
            if wallet not in self._held:
                self._touched.discard(wallet)
            raise self._refusal(error, amount) from error
        except HoldEnded as error:
            raise PolicyUnavailable("The account service lost track of this request.", retry_after=1) from error
        self._held[wallet] = amount
        STEPS.labels("hold", wallet.unit.value).inc()
        audit("hold", request=self.request, wallet=wallet.id, amount=amount)
        return remaining

    async def _settle(self, audio_ms: int) -> None:
        if self._ended:
            return
        self._ended = True
        try:
            for wallet, held in self._held.items():
                await self._desk.books.settle_in(self.request, wallet, audio_ms)
                back = held - min(held, wallet.cost(audio_ms))
                self._left[wallet] = replace(self._left[wallet], remaining=self._left[wallet].remaining + back)
        except DatabaseGone:
            await self._desk.journal.write(Note(self.request, audio_ms))

    async def _finish(self, answer: Answer, audio_ms: int) -> None:
        if self._claimed and not self._ended:
            packed = pack(answer)
            try:
                await self._desk.idempotency.keep(self.request, packed, audio_ms=audio_ms)
            except Superseded as error:
                raise PolicyUnavailable("A later try of this request has taken over.", retry_after=1) from error
            except DatabaseGone:
                self._ended = True
                await self._desk.journal.write(Note(self.request, audio_ms, packed))
        await self._settle(audio_ms)

    def _limit(self, wallet: Wallet, remaining: int) -> Limit:
        reset = max(0, -(-(wallet.resets_at - self._now) // 1000)) if wallet.resets_at else 0
        return Limit(wallet.unit, wallet.grant, remaining, reset)

    def _refusal(self, error: Insufficient, amount: int) -> PaymentRequired | TooManyRequests:
        wallet = error.wallet
        limit = self._limit(wallet, error.remaining)
        refusal = self._worded(wallet, limit, amount)
        refusal.limits = (limit,)
        return refusal

    @staticmethod
    def _worded(wallet: Wallet, limit: Limit, amount: int) -> PaymentRequired | TooManyRequests:
        if wallet.unit is Unit.TRIES:
            return TooManyRequests(
                f"The {wallet.grant} transcriptions a day without an API key are used up. Sign up free for more.",
                retry_after=max(1, limit.reset),
                code="daily_limit",
            )
        if wallet.unit is Unit.MILLISECONDS:
            minutes = wallet.grant // 60_000
            return PaymentRequired(
                f"The {minutes} minutes of this month are used up. Upgrade your plan."
                if limit.remaining == 0
                else f"{_minutes(limit.remaining)} of this month's {minutes} minutes remain, this needs more."
            )
        if limit.remaining == 0:
            return PaymentRequired("No credits remaining. Upgrade your plan.")
        return PaymentRequired(f"This needs {amount} credits and {limit.remaining} remain. Upgrade your plan.")


def _minutes(audio_ms: int) -> str:
    return f"{audio_ms / 60_000:.1f}"
