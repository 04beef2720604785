"""Connections as they come in: counted per address, errors of HTTP itself answered in the one shape."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from aiohttp import web

from edge.answers import REQUEST_ID, SERVER

Network = IPv4Network | IPv6Network


class Census:
    """Open connections by address."""

    def __init__(self, limit: int, exempt: Collection[Network]) -> None:
        self._limit = limit
        self._exempt = exempt
        self._open: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Count a connection in; False if its address has too many."""
        if self._open[address] >= self._limit and not self._is_exempt(address):
            return False
        self._open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Count it out."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]

    def _is_exempt(self, address: str) -> bool:
        try:
            place = ip_address(address)
        except ValueError:
            return False
        return any(place in network for network in self._exempt)


class Connection(web.RequestHandler):
    """aiohttp's connection with a cap per address and errors in JSON."""

    def __init__(self, manager: web.Server, *, census: Census, **options: Any) -> None:
        super().__init__(manager, **options)
        self._census = census
        self._address: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or refuse it."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if self._census.enter(address):
            self._address = address
            super().connection_made(transport)
        elif isinstance(transport, asyncio.WriteTransport):
            transport.write(_too_many())
            transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count it out."""
        if self._address is not None:
            self._census.leave(self._address)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand bytes on, unless the connection was refused."""
        if self._address is not None:
            super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP at all, or a fault before any route."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        known = uuid.uuid4().hex
        if status < 500:
            body = _error("The request is no valid HTTP.", "bad_http", known)
        else:
            body = _error("The server failed.", "internal", known)
        response = web.Response(
            status=status, text=body, content_type="application/json", headers={REQUEST_ID: known, **SERVER}
        )
        response.force_close()
        return response


def _error(error: str, code: str, request_id: str) -> str:
    return json.dumps({"error": error, "code": code, "request_id": request_id})


def _too_many() -> bytes:
    """A whole answer for a connection that no request was read from."""
    known = uuid.uuid4().hex
    body = _error("Too many connections from your address.", "too_many_connections", known)
    head = (
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Retry-After: 5\r\n{REQUEST_ID}: {known}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


class Door(web.BaseSite):
    """A site on one TCP port whose connections are `Connection`s."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, *, factory: Callable[[], asyncio.Protocol]) -> None:
        super().__init__(runner, backlog=1024)
        self._host = host
        self._factory = factory
        self.port = port
        """The port; after `start` the real one."""

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        loop = asyncio.get_running_loop()
        self._server = server = await loop.create_server(self._factory, self._host, self.port, backlog=self._backlog)
        self.port = server.sockets[0].getsockname()[1]
