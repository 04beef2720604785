"""A client of WS /v1/stream that remembers what came."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from tests.scripted_edge import EdgeUnderTest
from tests.scripted_speech import written

CONFIG = json.dumps({"language": "en", "model": "large-v3-turbo"})


def text_of(numbers: range | list[int]) -> str:
    return " ".join(written(number) for number in numbers)


class Stream:
    """One socket and what came over it."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.messages: list[dict[str, Any]] = []

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                received = await self.ws.receive()
                assert received.type is aiohttp.WSMsgType.TEXT, (received, self.messages)
                message: dict[str, Any] = json.loads(received.data)
                self.messages.append(message)
                assert isinstance(message["text"], str)
                assert isinstance(message["partial"], str)
                if wanted(message):
                    return message

    async def ready(self, config: str = CONFIG) -> dict[str, Any]:
        await self.ws.send_str(config)
        return await self.until(lambda message: message.get("status") == "ready")

    async def closed(self) -> int:
        async with asyncio.timeout(60):
            while True:
                received = await self.ws.receive()
                if received.type is aiohttp.WSMsgType.TEXT:
                    self.messages.append(json.loads(received.data))
                else:
                    assert self.ws.close_code is not None
                    return self.ws.close_code

    @property
    def finals(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["text"] and not message.get("final")]

    @property
    def text(self) -> str:
        return " ".join(message["text"] for message in self.finals)


@contextlib.asynccontextmanager
async def streaming(edge: EdgeUnderTest, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    async with edge.http.ws_connect(f"{edge.url}/v1/stream{query}", headers=headers, max_msg_size=0) as ws:
        yield Stream(ws)


def in_frames(pcm: bytes, size: int = 8192) -> list[bytes]:
    return [pcm[i : i + size] for i in range(0, len(pcm), size)]
