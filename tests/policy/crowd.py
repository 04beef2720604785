"""A crowd before several edges: who asks all at once over HTTP and WebSockets, and who is let in and stays."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import aiohttp
from sqlalchemy import String, bindparam, select

from edge.policy.office import Office
from edge.policy.tables import WALLETS
from tests.house import Process
from tests.metered_edges import RECORDING, TRANSCRIPT, form, stream
from tests.offices import caller
from tests.scripted_speech import spoken

BUSY = 503
"""What an edge says whose machine has no time for it: come again, and nothing was used up."""
_HELD = select(WALLETS.c.held).where(WALLETS.c.account == bindparam("account", type_=String))


class Crowd:
    """Callers who are spread over both edges."""

    def __init__(
        self,
        edges: Sequence[Process],
        office: Office,
        http: aiohttp.ClientSession,
    ) -> None:
        self.office = office
        self._http = http
        self._ports = itertools.cycle([edge.port for edge in edges])

    @property
    def url(self) -> str:
        """The address of one edge, and of the other the next time."""
        return f"http://127.0.0.1:{next(self._ports)}"

    async def post(self, headers: dict[str, str], data: Callable[[], Any] = form) -> tuple[str, dict[str, Any]]:
        """Post a recording; give the status or the code of the refusal, and the answer."""
        while True:
            url = f"{self.url}/v1/transcribe"
            async with self._http.post(url, data=data(), headers=headers) as response:
                answer = await response.json()
            if response.status != BUSY:
                return answer.get("code", str(response.status)), {**answer, **response.headers}
            await asyncio.sleep(0.2)

    async def open(self, headers: dict[str, str]) -> aiohttp.ClientWebSocketResponse | str:
        """Open a stream; give the status of a refusal."""
        while True:
            try:
                return await self._http.ws_connect(f"{self.url}/v1/stream", headers=headers)
            except aiohttp.WSServerHandshakeError as refused:
                if refused.status != BUSY:
                    return str(refused.status)
            await asyncio.sleep(0.2)

    async def speak(self, headers: dict[str, str]) -> str:
        """Stream to the end; give `200`, or the status of a refusal."""
        ws = await self.open(headers)
        if isinstance(ws, str):
            return ws
        async with ws:
            messages = await stream(ws, spoken([1, 2, 3]))
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


class Held:
    """Requests that are let in and stay until they are let go."""

    def __init__(self, crowd: Crowd, headers: dict[str, str]) -> None:
        self._crowd = crowd
        self._headers = headers
        self._go = asyncio.Event()
        self.refused: Counter[str] = Counter()
        self.streaming = 0

    async def post(self) -> str:
        """Post a recording whose end is held back."""

        async def slowly() -> AsyncIterator[bytes]:
            head = b'--b\r\nContent-Disposition: form-data; name="diarize"\r\n\r\nfalse\r\n--b\r\n'
            yield head + b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + RECORDING
            await self._go.wait()
            yield b"\r\n--b--\r\n"

        headers = {**self._headers, "Content-Type": "multipart/form-data; boundary=b"}
        return self.told((await self._crowd.post(headers, slowly))[0])

    async def speak(self) -> str:
        """Open a stream and be silent."""
        ws = await self._crowd.open(self._headers)
        if isinstance(ws, str):
            return self.told(ws)
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
