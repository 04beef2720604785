"""Customers of edges that die: who asks once or until it is answered, and what it was told."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from edge.policy.office import Office
from tests.metered_edges import RECORDING, RECORDING_MS, form, stream
from tests.offices import caller, identified
from tests.scripted_speech import spoken, wav

LONG = wav(spoken([1, 2] * 65))
STREAMED = spoken([1, 2] * 70)
BALANCE = 20
AGAIN = frozenset({409, 429, 503})
"""Answers after which a caller is to try again."""

Url = Callable[[], str]
"""Gives the address to try next."""


@dataclass
class Customer:
    """One who wants one thing."""

    kind: str
    account: str
    headers: dict[str, str]
    body: bytes
    price: int
    told: bool = False
    """Whether the answer came: from then on it has to be paid."""
    answer: bytes = b""
    wrong: str = ""

    @property
    def keyed(self) -> bool:
        """Whether it asks again under the same key until it is answered."""
        return "Idempotency-Key" in self.headers

    @property
    def costs(self) -> frozenset[int]:
        """What it may have been charged in the end."""
        if self.told:
            return frozenset({self.price})
        # Cut off: paid if the edge got that far, and a stream that an edge ended for what was heard until then.
        return frozenset(range(self.price + 1)) if self.kind == "stream" else frozenset({0, self.price})

    async def ask(self, http: aiohttp.ClientSession, url: Url) -> None:
        """Ask until answered, or once without a key."""
        while not await self._asked(http, url()) and self.keyed:
            await asyncio.sleep(0.1)

    async def ask_again(self, http: aiohttp.ClientSession, url: Url) -> None:
        """Ask for what was answered before; it has to be the same."""
        while True:
            try:
                async with http.post(f"{url()}/v1/transcribe", data=form(self.body), headers=self.headers) as response:
                    body = await response.read()
            except (aiohttp.ClientError, ConnectionError):
                continue
            if response.status not in AGAIN:
                break
            await asyncio.sleep(0.1)
        if (response.status, body, response.headers.get("Idempotent-Replayed")) != (200, self.answer, "true"):
            self.wrong = f"{self.kind} was answered {response.status} {body[:200]!r} the second time"

    async def _asked(self, http: aiohttp.ClientSession, url: str) -> bool:
        try:
            return await (self._streamed(http, url) if self.kind == "stream" else self._posted(http, url))
        except (aiohttp.ClientError, ConnectionError):
            return False

    async def _posted(self, http: aiohttp.ClientSession, url: str) -> bool:
        async with http.post(f"{url}/v1/transcribe", data=form(self.body), headers=self.headers) as response:
            body = await response.read()
        if response.status == 200:
            self.told, self.answer = True, body
        elif response.status not in AGAIN:
            self.wrong = f"{self.kind} was refused with {response.status} {body[:200]!r}"
        return self.told or bool(self.wrong)

    async def _streamed(self, http: aiohttp.ClientSession, url: str) -> bool:
        async with http.ws_connect(f"{url}/v1/stream", headers=self.headers) as ws:
            messages = await stream(ws, self.body)
        self.told = bool(messages[-1].get("is_final"))
        return True


async def customers(office: Office, run: int, chance: random.Random) -> list[Customer]:
    """Draw the customers of one run; their accounts are new."""
    paying, key = await caller(office, balance=BALANCE)
    bearer = {"Authorization": f"Bearer {key}"}
    body, price = chance.choice(((RECORDING, 1), (LONG, 2)))
    found = [Customer("keyed", paying.account, {**bearer, "Idempotency-Key": f"run-{run}"}, body, price)]
    for _ in range(chance.choice((0, 1, 1, 2))):
        found.append(Customer("stream", paying.account, bearer, STREAMED, 2))
    if chance.random() < 0.3:
        found.append(Customer("plain", paying.account, bearer, RECORDING, 1))
    if chance.random() < 0.3:
        registered, key = await caller(office, "free")
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "minutes"}
        found.append(Customer("minutes", registered.account, headers, RECORDING, RECORDING_MS))
    if chance.random() < 0.2:
        address = f"10.{run >> 16 & 255}.{run >> 8 & 255}.{run & 255}"
        stranger = await identified(office, peer=address)
        found.append(Customer("stranger", stranger.account, {"X-Forwarded-For": address}, RECORDING, 1))
    chance.shuffle(found)
    return found
