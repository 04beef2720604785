"""Requests that are sent again."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import update

from edge.policy import Principal
from edge.policy.errors import PolicyUnavailable
from edge.policy.idempotency import pack
from edge.policy.office import Office
from edge.policy.outcomes import Answer, Fresh, Mismatch, Outcome, Replay, Running
from edge.policy.tables import REQUESTS
from edge.policy.wallets import Unit, Wallet
from tests.offices import Opener, caller, explained

ANSWER = Answer(200, {"Content-Type": "application/json"}, b'{"text": "Hello.\n"}\n\n')

PACKED = pack(ANSWER)

_AGE = update(REQUESTS).values(created_at=REQUESTS.c.created_at - 24 * 3600 * 1000 - 1)


async def post(office: Office, principal: Principal, *, body: str = "body", seconds: float = 60.0) -> Outcome:
    """Do what the route does for a request with a key."""
    if await office.policy.known(principal, "key"):
        return await office.policy.replay(principal, "key", body)
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        outcome = await admission.begin("key", body)
        if isinstance(outcome, Fresh):
            await admission.hold(seconds)
            await admission.finish(ANSWER, seconds=seconds)
        return outcome


async def credits_of(office: Office, principal: Principal) -> int:
    """Give what an account has left."""
    return await office.desk.ledger.available(Wallet(principal.account, Unit.CREDITS))


async def test_the_first_answer_comes_again_and_is_paid_once(opened: Opener) -> None:
    office = await opened()
    principal, _ = await caller(office, balance=2)
    assert await post(office, principal) == Fresh()
    for _ in range(3):
        assert await post(office, principal) == Replay(ANSWER)
    assert await post(office, principal, body="another") == Mismatch()
    assert await credits_of(office, principal) == 1
    await explained(office)


async def test_a_replay_needs_no_credits_and_no_slot(opened: Opener) -> None:
    office = await opened()
    principal, _ = await caller(office, balance=1)
    assert await post(office, principal) == Fresh()
    assert await credits_of(office, principal) == 0
    assert await post(office, principal) == Replay(ANSWER)


async def test_while_the_first_runs_the_second_waits(opened: Opener) -> None:
    one, other = await opened(), await opened()
    principal, _ = await caller(one, balance=9)
    async with one.policy.admit(principal, kind="transcription", request_id="r") as admission:
        assert await admission.begin("key", "body") == Fresh()
        assert await post(other, principal) == Running()
        assert await post(other, principal, body="another") == Mismatch()
        await admission.finish(ANSWER, seconds=1)
    assert await post(other, principal) == Replay(ANSWER)


@pytest.mark.parametrize("tier", ["paid", "free"])
async def test_who_asks_again_too_early_needs_no_credits_and_no_slot(opened: Opener, tier: str) -> None:
    one, other = await opened(), await opened()
    principal, _ = await caller(one, tier, balance=1)
    async with AsyncExitStack() as stack:
        if tier == "free":
            await stack.enter_async_context(one.policy.admit(principal, kind="stream", request_id="r"))
        admission = await stack.enter_async_context(one.policy.admit(principal, kind="transcription", request_id="r"))
        assert await admission.begin("key", "body") == Fresh()
        for _ in range(3):
            assert await post(other, principal) == Running()
        assert await post(other, principal, body="another") == Mismatch()
    await explained(one)


async def test_what_failed_may_be_tried_again(opened: Opener) -> None:
    office = await opened()
    principal, _ = await caller(office, balance=9)
    with pytest.raises(RuntimeError):
        async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
            await admission.begin("key", "body")
            raise RuntimeError
    assert await post(office, principal, body="another") == Fresh()


async def test_keys_are_each_accounts_own_and_kept_for_a_day(opened: Opener) -> None:
    office = await opened()
    one, _ = await caller(office, balance=9)
    other, _ = await caller(office, balance=9)
    assert await post(office, one) == Fresh()
    assert await post(office, other) == Fresh()
    await office.database.run(_AGE)
    assert await post(office, one, body="another") == Fresh()


async def test_who_took_over_from_the_dead_is_the_only_one_to_charge(opened: Opener) -> None:
    slow, quick = await opened(), await opened()
    principal, _ = await caller(slow, balance=9)
    async with slow.policy.admit(principal, kind="transcription", request_id="r") as admission:
        await admission.begin("key", "body")
        await slow.presence.stop()
        assert await post(quick, principal) == Fresh()
        await slow.presence.beat()
        with pytest.raises(PolicyUnavailable):
            await admission.finish(ANSWER, seconds=60)
    assert await post(slow, principal) == Replay(ANSWER)
    assert await credits_of(slow, principal) == 8
    await explained(slow)


@pytest.mark.parametrize("by", ["replay", "sweep", "replay after expiry", "sweep after expiry"])
async def test_an_answer_that_was_kept_is_paid_though_the_edge_died(opened: Opener, by: str) -> None:
    dying, living = await opened(), await opened()
    principal, _ = await caller(dying, balance=9)
    admission = dying.policy.admit(principal, kind="transcription", request_id="r")
    entered = await admission.__aenter__()
    await entered.hold(120)
    await entered.begin("key", "body")
    if by.endswith("after expiry"):
        await dying.presence.stop()
        await living.desk.books.sweep(grace_seconds=0)
        await dying.presence.beat()
    # The last thing the edge does is to keep the answer.
    await dying.desk.idempotency.keep(entered.request, PACKED, audio_ms=120_000)  # type: ignore[attr-defined]  # ours
    await dying.presence.stop()
    if by.startswith("sweep"):
        await living.keeper.beat(reconciling=True)
        await living.desk.books.sweep(grace_seconds=0)
    else:
        assert await post(living, principal) == Replay(ANSWER)
    assert await credits_of(living, principal) == 7
    await living.desk.books.sweep(grace_seconds=0)
    assert await post(living, principal) == Replay(ANSWER)
    assert await credits_of(living, principal) == 7
    await explained(living)


async def test_two_hundred_at_once_are_charged_once(opened: Opener) -> None:
    one, other = await opened(), await opened()
    principal, _ = await caller(one, balance=9)
    outcomes = await asyncio.gather(
        *(
            office.desk.idempotency.claim(principal.account, "k", "f", request=str(n))
            for n, office in enumerate((one, other) * 100)
        )
    )
    assert sum(type(outcome).__name__ == "Claimed" for outcome in outcomes) == 1


async def test_a_dead_claim_passes_on_whoever_else_is_alive(opened: Opener) -> None:
    dying, living = await opened(), await opened()
    principal, _ = await caller(living, balance=9)
    idempotency = (dying.desk.idempotency, living.desk.idempotency)
    for number, office in enumerate(idempotency):
        await office.claim(principal.account, f"key {number}", "body", request=f"r{number}")
    await dying.presence.stop()
    claimed = await living.desk.idempotency.claim(principal.account, "key 0", "body", request="r2")
    kept = await living.desk.idempotency.claim(principal.account, "key 1", "body", request="r3")
    assert (type(claimed).__name__, type(kept).__name__) == ("Claimed", "Kept")
