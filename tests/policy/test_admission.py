"""What each tier may do, request by request, as the routes ask for it."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import insert

from edge.policy.errors import PaymentRequired, PolicyError, PolicyUnavailable, TooManyRequests, Unauthorized
from edge.policy.tables import TIERS
from edge.policy.wallets import Unit, Wallet
from tests.offices import Opener, caller, explained, identified

MEBIBYTE = 2**20

_WIDE = insert(TIERS).values(name="wide", max_bytes=1, concurrent=300, credits=True)


@pytest.mark.parametrize(("tier", "size", "concurrent"), [("free", 500, 2), ("paid", 2048, 5), ("anonymous", 100, 1)])
async def test_each_tier_has_its_size_and_its_requests_at_once(
    opened: Opener, tier: str, size: int, concurrent: int
) -> None:
    office = await opened()
    principal = (await caller(office, tier, balance=100))[0] if tier != "anonymous" else await identified(office)
    async with AsyncExitStack() as stack:
        for _ in range(concurrent):
            admission = await stack.enter_async_context(office.policy.admit(principal, kind="stream", request_id="r"))
            assert admission.max_bytes == size * MEBIBYTE
        with pytest.raises(TooManyRequests) as refused:
            async with office.policy.admit(principal, kind="transcription", request_id="r"):
                pass
    assert (refused.value.status, refused.value.code) == (429, "too_many_concurrent")
    assert refused.value.retry_after
    async with office.policy.admit(principal, kind="transcription", request_id="r"):
        pass
    await explained(office)


async def test_without_a_key_three_a_day_for_each_address(opened: Opener) -> None:
    office = await opened()
    principal = await identified(office)
    for remaining in (2, 1, 0):
        async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
            await admission.hold(300)
            await admission.settle(300)
            assert admission.limits[0].remaining == remaining
    with pytest.raises(TooManyRequests) as refused:
        async with office.policy.admit(principal, kind="transcription", request_id="r"):
            pass
    assert refused.value.code == "daily_limit"
    assert refused.value.retry_after is not None
    assert 0 < refused.value.retry_after <= 86_400
    other = await identified(office, peer="203.0.113.8")
    async with office.policy.admit(other, kind="transcription", request_id="r"):
        pass


async def test_what_fails_uses_up_nothing(opened: Opener) -> None:
    office = await opened()
    anonymous, (paid, _) = await identified(office), await caller(office, balance=1)
    for principal in (anonymous, paid):
        for _ in range(5):
            with pytest.raises(RuntimeError):
                async with office.policy.admit(principal, kind="transcription", request_id="r"):
                    raise RuntimeError
    assert await office.desk.ledger.available(Wallet(paid.account, Unit.CREDITS)) == 1
    await explained(office)


async def test_six_hundred_minutes_a_month(opened: Opener) -> None:
    office = await opened()
    principal, _ = await caller(office, "free")
    for seconds in (599 * 60, 59.5):
        async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
            await admission.hold(seconds)
            await admission.settle(seconds)
    [left] = (await office.accounts.get(principal.account)).left
    assert (left.available, left.grant) == (500, 36_000_000)
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        with pytest.raises(PaymentRequired):
            await admission.hold(0.501)
        await admission.hold(0.5)
        await admission.settle(0.5)
    with pytest.raises(PaymentRequired) as refused:
        async with office.policy.admit(principal, kind="transcription", request_id="r"):
            pass
    assert (refused.value.status, refused.value.code) == (402, "no_credits")


@pytest.mark.parametrize(("seconds", "price"), [(0.1, 1), (60.0, 1), (60.0004, 1), (60.001, 2), (125.4, 3), (3600, 60)])
async def test_a_credit_is_a_minute_rounded_up(opened: Opener, seconds: float, price: int) -> None:
    office = await opened()
    principal, _ = await caller(office, balance=100)
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        await admission.hold(seconds)
        await admission.settle(seconds)
        await admission.settle(seconds)
    assert await office.desk.ledger.available(Wallet(principal.account, Unit.CREDITS)) == 100 - price
    await explained(office)


async def test_credits_are_asked_for_before_the_body_and_once_the_duration_is_known(opened: Opener) -> None:
    office = await opened()
    principal, _ = await caller(office, balance=2)
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        with pytest.raises(PaymentRequired) as refused:
            await admission.hold(121)
        assert refused.value.message == "This needs 3 credits and 1 remain. Upgrade your plan."
        await admission.hold(120)
        await admission.settle(120)
    with pytest.raises(PaymentRequired) as refused:
        async with office.policy.admit(principal, kind="transcription", request_id="r"):
            pass
    assert refused.value.message == "No credits remaining. Upgrade your plan."


async def test_a_stream_holds_minute_by_minute_and_pays_once(opened: Opener) -> None:
    office = await opened()
    principal, _ = await caller(office, balance=3)
    wallet = Wallet(principal.account, Unit.CREDITS)
    async with office.policy.admit(principal, kind="stream", request_id="r") as admission:
        for minute, left in ((1, 2), (2, 1), (3, 0)):
            await admission.hold(minute * 60)
            assert await office.desk.ledger.available(wallet) == left
        with pytest.raises(PaymentRequired):
            await admission.hold(240)
        await admission.settle(100)
    assert await office.desk.ledger.available(wallet) == 1
    await explained(office)


async def test_a_key_revoked_in_an_open_stream_holds_no_more(opened: Opener) -> None:
    office = await opened()
    principal, _ = await caller(office, balance=9)
    async with office.policy.admit(principal, kind="stream", request_id="r") as admission:
        await admission.hold(60)
        assert await office.desk.keys.revoke(principal.account, principal.key)
        with pytest.raises(Unauthorized):
            await admission.hold(120)
        await admission.settle(61)
    # What was received is paid for, as far as it was held.
    assert await office.desk.ledger.available(Wallet(principal.account, Unit.CREDITS)) == 8


async def test_a_tier_that_an_operator_added(opened: Opener) -> None:
    office = await opened()
    await office.database.run(_WIDE)
    principal, _ = await caller(office, "wide", balance=250)

    async def one() -> bool:
        try:
            async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
                await asyncio.sleep(0)
                await admission.settle(30)
        except PaymentRequired:
            return False
        return True

    assert sum(await asyncio.gather(*(one() for _ in range(300)))) == 250
    await explained(office)


async def test_a_slot_of_a_dead_edge_is_free_again(opened: Opener) -> None:
    living, dying = await opened(), await opened()
    principal, _ = await caller(living, balance=9)
    for number in range(5):
        assert await dying.desk.leases.take(principal.account, f"r{number}", limit=5)
    with pytest.raises(TooManyRequests):
        async with living.policy.admit(principal, kind="stream", request_id="r"):
            pass
    await dying.presence.stop()
    async with living.policy.admit(principal, kind="stream", request_id="r"):
        pass


async def test_a_caller_that_goes_away_at_any_moment_leaves_nothing(opened: Opener) -> None:
    office = await opened()
    principal, _ = await caller(office, balance=9)

    async def work() -> None:
        async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
            await admission.hold(100)
            await admission.hold(200)
            await asyncio.sleep(3600)

    for turns in range(40):
        task = asyncio.create_task(work())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await office.policy.close()
    assert await office.desk.ledger.available(Wallet(principal.account, Unit.CREDITS)) == 9
    assert await office.desk.leases.take(principal.account, "next", limit=1)
    await explained(office)


async def test_a_hold_that_was_swept_is_our_fault_and_still_paid(opened: Opener) -> None:
    office, other = await opened(), await opened()
    principal, _ = await caller(office, balance=9)
    async with office.policy.admit(principal, kind="stream", request_id="r") as admission:
        await office.presence.stop()
        assert await other.desk.books.sweep(grace_seconds=0) == 1
        with pytest.raises(PolicyUnavailable):
            await admission.hold(120)
        await admission.settle(60)
    assert await office.desk.ledger.available(Wallet(principal.account, Unit.CREDITS)) == 8
    await explained(office)


def test_every_refusal_knows_its_status() -> None:
    assert {kind.__name__: kind.status for kind in PolicyError.__subclasses__()} == {
        "Unauthorized": 401,
        "PaymentRequired": 402,
        "SignUpClosed": 403,
        "TooManyRequests": 429,
        "PolicyUnavailable": 503,
    }
