"""Two real edges, `python -m edge`, on one database: ask them all at once over HTTP and WebSockets, and exactly as many
get in as may.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from speech.v1 import audio_pb2
from sqlalchemy import BigInteger, Boolean, Integer, String, bindparam, insert, select, update

from edge.policy.office import Office
from edge.policy.tables import TIERS, WALLETS
from tests.house import Process
from tests.metered_edges import RECORDING, TRANSCRIPT, client, form, listening, metered_edge, stream
from tests.offices import Opener, caller, explained, office_settings
from tests.postgresql_server import Server
from tests.scripted_edge import serving
from tests.scripted_speech import TRANSCRIPTION, ScriptedTranscription, spoken, wav

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDGES = 2
_TIER = insert(TIERS).values(
    name=bindparam("tier", type_=String),
    max_bytes=100 * 2**20,
    concurrent=4000,
    minutes_month=bindparam("minutes", type_=BigInteger),
    credits=bindparam("paid", type_=Boolean),
)
_ANONYMOUS = update(TIERS).where(TIERS.c.name == "anonymous").values(concurrent=bindparam("at_once", type_=Integer))
_HELD = select(WALLETS.c.held).where(WALLETS.c.account == bindparam("account", type_=String))


class Crowd:
    """Callers who are spread over both edges."""

    def __init__(
        self,
        edges: list[Process],
        office: Office,
        *,
        http: aiohttp.ClientSession,
        transcription: ScriptedTranscription,
    ) -> None:
        self.edges = edges
        self.office = office
        self.http = http
        self.transcription = transcription
        self._turn = 0

    @property
    def url(self) -> str:
        """The address of one edge, and of the other the next time."""
        self._turn += 1
        return f"http://127.0.0.1:{self.edges[self._turn % EDGES].port}"

    async def post(self, headers: dict[str, str], data: Any = None) -> tuple[str, dict[str, Any]]:
        """Post a recording; give the status or the code of the refusal, and the answer."""
        url = f"{self.url}/v1/transcribe"
        async with self.http.post(url, data=data or form(), headers=headers) as response:
            answer = await response.json()
            return answer.get("code", str(response.status)), {**answer, **response.headers}

    async def speak(self, headers: dict[str, str], pcm: bytes = spoken([1, 2, 3])) -> str:
        """Stream to the end; give `200`, or the status before the upgrade."""
        try:
            ws = await self.http.ws_connect(f"{self.url}/v1/stream", headers=headers)
        except aiohttp.WSServerHandshakeError as refused:
            return str(refused.status)
        async with ws:
            messages = await stream(ws, pcm)
        assert messages[-1]["is_final"], messages
        assert " ".join(message["text"] for message in messages if message["text"]) == TRANSCRIPT
        return "200"

    async def account(self, tier: str, *, balance: int = 0) -> tuple[str, dict[str, str]]:
        """Make an account; give its id, and the header of its key."""
        principal, key = await caller(self.office, tier, balance=balance)
        return principal.account, {"Authorization": f"Bearer {key}"}

    async def left(self, account: str) -> int:
        """Give what an account has left, once all its requests have ended."""
        async with asyncio.timeout(120):
            while any(row["held"] for row in await self.office.database.run(_HELD, account=account)):
                await asyncio.sleep(0.02)
        [left] = (await self.office.accounts.get(account)).left
        return left.available


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
    transcription = ScriptedTranscription(load=audio_pb2.Load(stream_limit=10_000))
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(transcription, TRANSCRIPTION))
        edges = [metered_edge(shared_url, folder / str(n), transcription=address) for n in range(EDGES)]
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
        http = await stack.enter_async_context(client())
        yield Crowd(edges, office, http=http, transcription=transcription)
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
    heard = len(crowd.transcription.configs)

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
    assert len(crowd.transcription.configs) == heard + 1
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


class Held:
    """Requests that are let in and stay until they are let go."""

    def __init__(self, crowd: Crowd, headers: dict[str, str]) -> None:
        self._crowd = crowd
        self._headers = headers
        self._go = asyncio.Event()
        self.refused: Counter[str] = Counter()
        self.streaming = 0

    async def post(self, data: bytes) -> str:
        """Post a recording whose end is held back."""

        async def slowly() -> AsyncIterator[bytes]:
            head = b'--b\r\nContent-Disposition: form-data; name="diarize"\r\n\r\nfalse\r\n--b\r\n'
            yield head + b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + data
            await self._go.wait()
            yield b"\r\n--b--\r\n"

        headers = {**self._headers, "Content-Type": "multipart/form-data; boundary=b"}
        return self.told((await self._crowd.post(headers, slowly()))[0])

    async def speak(self) -> str:
        """Open a stream and be silent."""
        try:
            ws = await self._crowd.http.ws_connect(f"{self._crowd.url}/v1/stream", headers=self._headers)
        except aiohttp.WSServerHandshakeError as refused:
            return self.told(str(refused.status))
        async with ws:
            await ws.send_json({"language": "en", "diarize": False})
            message = await ws.receive_json(timeout=200)
            if message.get("status") != "ready":
                return self.told(message["code"])
            self.streaming += 1
            await self._go.wait()
            await ws.send_json({"action": "stop"})
            while not (message := await ws.receive_json(timeout=200)).get("is_final"):
                assert "error" not in message, message
            return "200"

    async def until(self, refused: int) -> None:
        """Wait until so many were refused, then let the others go."""
        async with asyncio.timeout(200):
            while self.refused.total() < refused:
                await asyncio.sleep(0.02)
        self._go.set()

    def told(self, code: str) -> str:
        if code != "200":
            self.refused[code] += 1
        return code


async def test_two_hundred_at_once_against_five_at_once(crowd: Crowd) -> None:
    account, headers = await crowd.account("paid", balance=1000)
    held = Held(crowd, headers)
    asked = [held.post(RECORDING) for _ in range(100)] + [held.speak() for _ in range(100)]
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
        return held.told((await crowd.post(headers, form(minute)))[0])

    asked = [post() for _ in range(20)] + [held.speak() for _ in range(180)]
    ended, _ = await asyncio.gather(asyncio.gather(*asked), held.until(180))
    assert Counter(ended)["200"] == 20, Counter(ended)
    assert set(held.refused) == {"no_credits"}
    # Streams without audio are free.
    assert await crowd.left(principal.account) == 20 * 60_000 + 500 - 60_000 * (20 - held.streaming)
