"""An edge with a policy that counts, in the test's own loop, and callers with accounts."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from edge.policy import Principal
from edge.policy.office import Office
from edge.policy.wallets import Unit, Wallet
from tests.offices import Opener, caller
from tests.policy.autopsy import leftovers
from tests.scripted_edge import EdgeUnderTest, form, scripted_edge
from tests.scripted_speech import spoken, wav

RECORDING = wav(spoken([1, 2, 3]))
MEBIBYTE = 2**20


async def ready(edge: EdgeUnderTest) -> bool:
    """Ask whether recordings would be taken."""
    async with edge.http.get(f"{edge.url}/readyz") as response:
        return response.status == 200


@asynccontextmanager
async def counting(
    opened: Opener, *, transcription: bool = True, **changes: Any
) -> AsyncIterator[tuple[EdgeUnderTest, Office]]:
    """Serve with a policy that counts; without `transcription` there is nobody to do the work."""
    office = await opened(**changes)
    async with scripted_edge(policy=office.policy, transcription=transcription) as edge:
        # On a machine that is busy the services may take their time to answer the first look.
        while transcription and not await ready(edge):
            await asyncio.sleep(0.1)
        yield edge, office
    await office.policy.close()


async def post(
    edge: EdgeUnderTest, headers: dict[str, str] | None = None, *, data: aiohttp.FormData | None = None
) -> tuple[int, dict[str, Any], aiohttp.ClientResponse]:
    """Post a recording."""
    data = data or form(RECORDING)
    async with edge.http.post(f"{edge.url}/v1/transcribe", data=data, headers=headers) as response:
        return response.status, json.loads(await response.text()), response


def long_recording() -> aiohttp.FormData:
    """Just over a minute; as a file, as the client wants what is large."""
    data = aiohttp.FormData()
    data.add_field("file", io.BytesIO(wav(spoken([1] * 130))), filename="long.wav")
    return data


async def paying(office: Office, tier: str = "paid", *, balance: int = 0) -> tuple[Principal, dict[str, str]]:
    """Make an account; give who it is, and the header that says so."""
    principal, key = await caller(office, tier, balance=balance)
    return principal, {"Authorization": f"Bearer {key}"}


def credits_of(principal: Principal) -> Wallet:
    """Name the wallet of an account's credits."""
    return Wallet(principal.account, Unit.CREDITS)


async def over(office: Office) -> None:
    """Wait until every request has left: an answer and the close of a stream come a moment before."""
    async with asyncio.timeout(60):
        while await leftovers(office):
            await asyncio.sleep(0.02)
