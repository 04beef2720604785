"""Two real edges, `python -m edge`, on one database: ask them all at once over HTTP and WebSockets, and exactly as many
get in as may.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from sqlalchemy import BigInteger, Boolean, Integer, String, bindparam, insert, update

from edge.policy.tables import TIERS
from tests.metered_edges import TRANSCRIPT, client, form, listening, metered_edge
from tests.offices import Opener, caller, explained, office_settings
from tests.policy.crowd import Crowd, Held
from tests.postgresql_server import Server
from tests.scripted_replica import replica
from tests.scripted_speech import spoken, wav

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDGES = 2
PATIENT = {
    "EDGE_HEADER_SECONDS": "240",
    "EDGE_BODY_IDLE_SECONDS": "240",
    "EDGE_STREAM_IDLE_SECONDS": "240",
    "EDGE_DATABASE_PATIENCE_SECONDS": "240",
    "EDGE_DATABASE_LOCK_SECONDS": "240",
}
_TIER = insert(TIERS).values(
    name=bindparam("tier", type_=String),
    max_bytes=100 * 2**20,
    concurrent=4000,
    minutes_month=bindparam("minutes", type_=BigInteger),
    credits=bindparam("paid", type_=Boolean),
)
_ANONYMOUS = update(TIERS).where(TIERS.c.name == "anonymous").values(concurrent=bindparam("at_once", type_=Integer))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database without tables: two edges that start at once make them."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('raced') / 'edge.db'}"
    server: Server = request.getfixturevalue("postgresql")
    return server.create("raced")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crowd]:
    """Two edges and a crowd before them."""
    folder = tmp_path_factory.mktemp("edges")
    async with AsyncExitStack() as stack:
        # A process of its own: it has to answer while everybody here asks at once.
        service = await stack.enter_async_context(replica())
        edges = [
            metered_edge(shared_url, folder / str(n), transcription=service.address, settings=PATIENT)
            for n in range(EDGES)
        ]
        for edge in edges:
            stack.callback(edge.log.close)
            stack.callback(edge.stop)
            edge.start()
        for edge in edges:
            await listening(edge)
        opened = await stack.enter_async_context(Opener.around(office_settings(shared_url, folder / "office")))
        office = await opened(alive=False)
        await office.database.run(_TIER, tier="crowd", minutes=None, paid=True)
        await office.database.run(_TIER, tier="months", minutes=600, paid=False)
        yield Crowd(edges, office, await stack.enter_async_context(client()))
        await explained(office)


async def test_a_thousand_at_once_against_a_hundred_credits(crowd: Crowd) -> None:
    account, headers = await crowd.account("crowd", balance=100)
    posted = [crowd.post(headers) for _ in range(500)]
    spoke = [crowd.speak(headers) for _ in range(500)]
    ended = Counter(code for code, _ in await asyncio.gather(*posted)) + Counter(await asyncio.gather(*spoke))
    assert ended["200"] == 100, ended
    assert ended == {"200": 100, "no_credits": ended["no_credits"], "402": ended["402"]}
    assert await crowd.left(account) == 0


async def test_two_hundred_with_one_idempotency_key_are_charged_once(crowd: Crowd) -> None:
    account, headers = await crowd.account("crowd", balance=1000)
    headers["Idempotency-Key"] = "once"

    async def until_answered() -> tuple[str, bool, int]:
        waits = 0
        while True:
            code, answer = await crowd.post(headers)
            if code == "200":
                return answer["text"], "Idempotent-Replayed" in answer, waits
            assert code == "still_running", answer
            waits += 1
            await asyncio.sleep(0.2)

    answers = await asyncio.gather(*(until_answered() for _ in range(200)))
    assert {text for text, _, _ in answers} == {TRANSCRIPT}
    assert sum(not replayed for _, replayed, _ in answers) == 1
    assert await crowd.left(account) == 999


async def test_two_hundred_at_once_against_three_a_day(crowd: Crowd) -> None:
    await crowd.office.database.run(_ANONYMOUS, at_once=4000)
    try:
        headers = {"X-Forwarded-For": "198.51.100.3"}
        posted = [crowd.post(headers) for _ in range(100)]
        spoke = [crowd.speak(headers) for _ in range(100)]
        ended = Counter(code for code, _ in await asyncio.gather(*posted)) + Counter(await asyncio.gather(*spoke))
    finally:
        await crowd.office.database.run(_ANONYMOUS, at_once=1)
    assert ended["200"] == 3, ended
    assert ended == {"200": 3, "daily_limit": ended["daily_limit"], "429": ended["429"]}


async def test_two_hundred_at_once_against_five_at_once(crowd: Crowd) -> None:
    account, headers = await crowd.account("paid", balance=1000)
    held = Held(crowd, headers)
    asked = [held.post() for _ in range(100)] + [held.speak() for _ in range(100)]
    ended, _ = await asyncio.gather(asyncio.gather(*asked), held.until(195))
    assert Counter(ended)["200"] == 5, Counter(ended)
    assert set(held.refused) == {"too_many_concurrent", "429"}
    # Streams without audio are free.
    assert await crowd.left(account) == 1000 - (5 - held.streaming)
    assert await crowd.speak(headers) == "200"


async def test_two_hundred_at_once_against_six_hundred_minutes(crowd: Crowd) -> None:
    principal, key = await caller(crowd.office, "months")
    headers = {"Authorization": f"Bearer {key}"}
    # Twenty minutes are left, and half a second: while it is decided, a request has a thousandth of a second.
    async with crowd.office.policy.admit(principal, kind="transcription", request_id="r") as admission:
        await admission.hold(580 * 60 - 0.5)
        await admission.settle(580 * 60 - 0.5)
    held = Held(crowd, headers)
    minute = wav(spoken([1] * 120))

    async def post() -> str:
        return held.told((await crowd.post(headers, lambda: form(minute)))[0])

    asked = [post() for _ in range(20)] + [held.speak() for _ in range(180)]
    ended, _ = await asyncio.gather(asyncio.gather(*asked), held.until(180))
    assert Counter(ended)["200"] == 20, Counter(ended)
    assert set(held.refused) == {"no_credits"}
    # Streams without audio are free.
    assert await crowd.left(principal.account) == 20 * 60_000 + 500 - 60_000 * (20 - held.streaming)
