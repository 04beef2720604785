"""What a stream holds and is charged, by a real edge before scripted services."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from edge.policy import Admission, Kind, Policy, Principal
from edge.policy.errors import PaymentRequired, TooManyRequests
from edge.policy.unlimited import OpenAdmission, Unlimited
from tests.scripted_edge import scripted_edge
from tests.scripted_speech import spoken
from tests.ws_streams import CONFIG, in_frames, streaming


class Purse(Unlimited):
    """Holds seconds, and says what was charged."""

    def __init__(self, seconds: float, *, refusal: Exception | None = None) -> None:
        super().__init__()
        self.seconds = seconds
        self.refusal = refusal
        self.charged: list[float] = []
        self.held = 0.0

    def admit(self, principal: Principal, *, kind: Kind, request_id: str) -> Any:
        return self._let_in(kind)

    @contextlib.asynccontextmanager
    async def _let_in(self, kind: Kind) -> AsyncIterator[Admission]:
        assert kind == "stream"
        if self.refusal is not None:
            raise self.refusal
        yield PurseAdmission(self)


class PurseAdmission(OpenAdmission):
    def __init__(self, purse: Purse) -> None:
        super().__init__(1 << 30)
        self.purse = purse

    async def hold(self, seconds: float) -> None:
        if seconds > self.purse.seconds:
            raise PaymentRequired("No credits remaining. Upgrade your plan.")
        self.purse.held = seconds

    async def settle(self, seconds: float) -> None:
        self.purse.charged.append(seconds)


async def test_a_stream_is_charged_once_for_what_was_received() -> None:
    purse = Purse(60)
    async with scripted_edge(policy=purse) as edge:
        async with streaming(edge) as stream:
            await stream.ready()
            await stream.ws.send_bytes(spoken([1, 2, 3]))
            await stream.ws.send_json({"action": "stop"})
            assert await stream.closed() == 1000
        assert (purse.charged, purse.held) == ([1.5], 60.0)
        async with streaming(edge) as stream:
            await stream.ready()
            await stream.ws.send_bytes(spoken([1, 2, 3, 4]))
            await stream.until(lambda message: message["text"] != "")
        async with asyncio.timeout(30):
            while len(purse.charged) < 2:
                await asyncio.sleep(0.01)
        assert purse.charged == [1.5, 2.0]
        async with streaming(edge) as stream:
            await stream.ready()
            edge.transcription.failure = lambda: ValueError("ours")  # type: ignore[assignment,return-value]
            await stream.ws.send_bytes(spoken([1]))
            assert await stream.closed() == 1011
        assert purse.charged == [1.5, 2.0]


async def test_an_empty_purse_ends_the_stream_with_its_finals() -> None:
    async with scripted_edge(policy=Purse(60)) as edge, streaming(edge) as stream:
        await stream.ready(json.dumps({"interim": False}))
        for frame in in_frames(spoken([1] * 119), 160_000):
            await stream.ws.send_bytes(frame)
        await stream.ws.send_bytes(spoken([1, 1, 1]))
        assert await stream.closed() == 4402
        assert stream.messages[-1]["code"] == "no_credits"
        assert len(stream.text.split()) == 119
    async with scripted_edge(policy=Purse(0)) as edge, streaming(edge) as stream:
        await stream.ws.send_str(CONFIG)
        assert await stream.closed() == 4402
        assert edge.transcription.configs == []


async def test_too_many_streams() -> None:
    policy: Policy = Purse(0, refusal=TooManyRequests("One at a time.", retry_after=3, code="too_many_concurrent"))
    async with scripted_edge(policy=policy) as edge:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await edge.http.ws_connect(f"{edge.url}/v1/stream")
        assert caught.value.status == 429
        assert caught.value.headers is not None
        assert caught.value.headers["Retry-After"] == "3"
        async with streaming(edge, Origin="https://page.example") as stream:
            assert await stream.closed() == 4429
