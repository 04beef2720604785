"""The database goes away and comes back: what runs goes on, what is new waits, and everything is told once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.sql import ClauseElement

from edge.policy import Principal
from edge.policy.database import Database, DatabaseGone, Row
from edge.policy.idempotency import CLAIM, KEEP, Claimed
from edge.policy.leases import TAKE as SLOT
from edge.policy.office import Office, furnish
from edge.policy.opening import open_policy
from edge.policy.outcomes import Answer, Fresh, Replay
from edge.policy.steps import FINISH, RAISE, TAKE
from edge.policy.wallets import Unit, Wallet
from tests.offices import SECRET, Opener, caller, explained, identified, office_settings
from tests.postgresql_server import Server, running_postgresql
from tests.scripted_edge import scripted_edge
from tests.scripted_speech import spoken
from tests.ws_streams import streaming

ANSWER = Answer(200, {}, b"{}")


class Interrupted(Database):
    """A real database behind a wire that can be cut."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.cut = False
        self.lose_answer_to: ClauseElement | None = None

    async def run(self, statement: ClauseElement, **values: Any) -> Sequence[Row]:
        """Run the statement if the wire is whole."""
        if self.cut:
            raise DatabaseGone
        rows = await self._database.run(statement, **values)
        if statement is self.lose_answer_to:
            self.lose_answer_to = None
            raise DatabaseGone
        return rows

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()


async def interrupted(opened: Opener) -> tuple[Office, Interrupted, Principal, Wallet]:
    """Open an edge whose database can be cut off, with a caller who has ten credits."""
    whole = await opened()
    wire = Interrupted(whole.database)
    office = furnish(opened.settings, wire, secret=SECRET.encode())
    await office.keeper.beat()
    principal, _ = await caller(office, balance=10)
    return office, wire, principal, Wallet(principal.account, Unit.CREDITS)


async def test_a_settlement_waits_and_is_told_once(opened: Opener) -> None:
    office, wire, principal, wallet = await interrupted(opened)
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        await admission.hold(180)
        wire.cut = True
        await admission.settle(150)
    assert len(await office.desk.journal.notes()) == 1
    wire.cut = False
    for _ in range(2):
        await office.keeper.beat()
    assert await office.desk.journal.notes() == []
    assert await office.desk.ledger.available(wallet) == 7
    assert await office.desk.leases.take(principal.account, "next", limit=1)
    await explained(office)


async def test_a_settlement_outlives_its_edge_too(opened: Opener) -> None:
    office, wire, principal, wallet = await interrupted(opened)
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        await admission.hold(180)
        wire.cut = True
        await admission.settle(150)
    next_edge = await opened(alive=False)
    await next_edge.keeper.beat()
    assert await next_edge.desk.ledger.available(wallet) == 7
    await explained(next_edge)


async def test_an_answer_with_a_key_waits_with_its_settlement(opened: Opener) -> None:
    office, wire, principal, wallet = await interrupted(opened)
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        assert await admission.begin("key", "body") == Fresh()
        await admission.hold(60)
        wire.cut = True
        await admission.finish(ANSWER, seconds=60)
    wire.cut = False
    await office.keeper.beat()
    assert await office.policy.replay(principal, "key", "body") == Replay(ANSWER)
    assert await office.desk.ledger.available(wallet) == 9
    await explained(office)


async def test_what_was_left_during_the_outage_is_given_back(opened: Opener) -> None:
    office, wire, principal, wallet = await interrupted(opened)
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        await admission.begin("key", "body")
        await admission.hold(180)
        wire.cut = True
    wire.cut = False
    assert await office.desk.ledger.available(wallet) == 7
    await office.keeper.beat()
    assert await office.desk.ledger.available(wallet) == 10
    assert not await office.policy.known(principal, "key")
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        assert await admission.begin("key", "body") == Fresh()
    await explained(office)


@pytest.mark.parametrize("step", ["slot", "hold", "larger hold", "key"])
async def test_what_was_done_though_the_answer_was_lost_is_undone(opened: Opener, step: str) -> None:
    office, wire, principal, wallet = await interrupted(opened)
    wire.lose_answer_to = {"slot": SLOT, "hold": TAKE, "larger hold": RAISE, "key": CLAIM}[step]
    with pytest.raises(DatabaseGone):
        async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
            await admission.hold(180)
            await admission.begin("key", "body")
    assert await office.desk.ledger.available(wallet) == 10
    for slot in range(5):
        assert await office.desk.leases.take(principal.account, f"next {slot}", limit=5)
    assert type(await office.desk.idempotency.claim(principal.account, "key", "body", request="next")) is Claimed
    await explained(office)


@pytest.mark.parametrize("step", ["keep", "settle"])
async def test_what_is_told_again_though_the_answer_was_lost_counts_once(opened: Opener, step: str) -> None:
    office, wire, principal, wallet = await interrupted(opened)
    wire.lose_answer_to = {"keep": KEEP, "settle": FINISH}[step]
    async with office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        await admission.hold(120)
        await admission.begin("key", "body")
        await admission.finish(ANSWER, seconds=120)
    assert len(await office.desk.journal.notes()) == 1
    await office.keeper.beat()
    assert await office.desk.journal.notes() == []
    assert await office.policy.replay(principal, "key", "body") == Replay(ANSWER)
    assert await office.desk.ledger.available(wallet) == 8
    await explained(office)


async def test_nothing_new_is_let_in_and_nothing_is_given_away(opened: Opener) -> None:
    office, wire, principal, _ = await interrupted(opened)
    wire.cut = True
    with pytest.raises(DatabaseGone) as refused:
        await identified(office)
    assert (refused.value.status, refused.value.retry_after) == (503, 5)
    with pytest.raises(DatabaseGone):
        async with office.policy.admit(principal, kind="transcription", request_id="r"):
            pytest.fail("this was let in")


async def test_an_open_stream_goes_on_while_new_requests_are_told_to_wait(opened: Opener) -> None:
    office, wire, _, _ = await interrupted(opened)
    principal, key = await caller(office, balance=5)
    headers = {"Authorization": f"Bearer {key}"}
    async with scripted_edge(policy=office.policy) as edge:
        async with streaming(edge, **headers) as stream:
            await stream.ready()
            wire.cut = True
            await stream.ws.send_bytes(spoken([1, 2, 3, 4]))
            await stream.ws.send_json({"action": "stop"})
            assert await stream.closed() == 1000
            assert stream.text == "w1 w2 w3 w4"
        async with edge.http.post(f"{edge.url}/v1/transcribe", data=b"", headers=headers) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "5")
            assert (await response.json())["code"] == "policy_unavailable"
        await office.policy.close()
        wire.cut = False
        await office.keeper.beat()
        assert await office.desk.ledger.available(Wallet(principal.account, Unit.CREDITS)) == 4
        async with edge.http.get(f"{edge.url}/v1/account", headers=headers) as response:
            assert response.status == 200
    await explained(office)


@pytest.fixture
def fragile() -> Iterator[Server]:
    """A PostgreSQL that a test may stop; what it was told survives that."""
    with running_postgresql(durable=True) as server:
        yield server


def test_postgresql_stops_and_starts_again(fragile: Server, tmp_path: Path) -> None:
    """Not one wire but the server itself, twice, with one edge running on."""
    import asyncio

    url = fragile.create("edge")

    async def outage() -> None:
        settings = office_settings(url, tmp_path, database_upgrade=True, beat_seconds=0.1)
        async with open_policy(settings) as policy, Opener.around(settings) as opened:
            office = await opened()
            principal, key = await caller(office, balance=10)
            for left in (8, 6):
                async with policy.admit(principal, kind="stream", request_id="r") as admission:
                    await admission.hold(120)
                    await asyncio.to_thread(fragile.stop)
                    await admission.settle(100)
                with pytest.raises(DatabaseGone):
                    await identified(office, token=key)
                await asyncio.to_thread(fragile.start)
                while await office.desk.journal.notes():
                    await asyncio.sleep(0.05)
                assert await office.desk.ledger.available(Wallet(principal.account, Unit.CREDITS)) == left
            await explained(office)

    asyncio.run(outage())
