"""Server-sent events: the answer begins with the first event, so that an early error still has its status."""

import asyncio
import json
from typing import Any

from aiohttp import web

CONTENT_TYPE = "text/event-stream"
READ_SECONDS = 60.0
"""How long a client may leave what it was sent unread."""


def wants_events(request: web.Request) -> bool:
    """Whether the caller asked for events."""
    return CONTENT_TYPE in request.headers.get("Accept", "").lower()


class EventStream:
    """An answer of events; each is one JSON object."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.response = web.StreamResponse(
            headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )

    @property
    def begun(self) -> bool:
        """Whether the status has gone out."""
        return self.response.prepared

    async def send(self, event: str, data: Any) -> None:
        """Send one event; waits while the client does not read."""
        await self.send_text(event, json.dumps(data, ensure_ascii=False))

    async def send_text(self, event: str, text: str) -> None:
        """Send one event whose JSON is written already, on one line."""
        if not self.begun:
            await self.response.prepare(self._request)
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self.response.write(f"event: {event}\ndata: {text}\n\n".encode())
        except TimeoutError:
            # What it holds of the services is worth more than a client that does not read.
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("the client does not read") from None

    async def end(self) -> None:
        """No more events."""
        await self.response.write_eof()
