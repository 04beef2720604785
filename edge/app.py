"""The composition root: parts in, a running server out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from aiohttp import web

from edge import middleware
from edge.backends import connect
from edge.connections import Census, Connection, Door, Network
from edge.context import EDGE, Edge
from edge.job import Terms
from edge.policy import Policy
from edge.room import Room
from edge.routes import ROUTES
from edge.settings import EdgeSettings
from media import Limits

READ_BYTES = 256 * 1024
"""Bytes of a body that wait in memory before the socket is no longer read."""


def create_app(edge: Edge) -> web.Application:
    """The application around its parts."""
    app = web.Application(middlewares=[middleware.identity, middleware.failures, middleware.plain_bodies])
    app[EDGE] = edge
    app.add_routes(ROUTES)
    app.on_response_prepare.append(middleware.name_request)
    return app


@asynccontextmanager
async def running_edge(
    settings: EdgeSettings, *, policy: Policy, trusted_proxies: Collection[Network] = ()
) -> AsyncIterator[tuple[Edge, Door]]:
    """Serve until the context ends; requests under way then have `shutdown_seconds`."""
    backends = connect(
        transcription=settings.transcription_addresses,
        diarization=settings.diarization_addresses,
        summarization=settings.summarization_addresses,
        channel=settings.channel,
    )
    terms = Terms(
        settings.spool_folder,
        Limits(seconds=settings.max_media_seconds),
        asyncio.Semaphore(settings.decoders),
        diarize_fallback=settings.diarize_fallback,
        spread_seconds=settings.spread_seconds,
        room_seconds=settings.room_seconds,
        speakers_wait_seconds=settings.speakers_wait_seconds,
    )
    edge = Edge(settings, backends, policy, terms, Room())
    runner = web.AppRunner(
        create_app(edge),
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=settings.shutdown_seconds,
    )
    try:
        await runner.setup()
        door = Door(runner, settings.host, settings.port, factory=_factory(runner, settings, trusted_proxies))
        await door.start()
        yield edge, door
    finally:
        edge.draining = True
        for session in tuple(edge.sessions):
            session.drain()
        await runner.cleanup()
        await backends.close()


def _factory(
    runner: web.AppRunner, settings: EdgeSettings, trusted_proxies: Collection[Network]
) -> Callable[[], Connection]:
    """Makes connections that share one census."""
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is not set up")
    census = Census(settings.connections_per_address, trusted_proxies)
    loop = asyncio.get_running_loop()

    def connection() -> Connection:
        # aiohttp closes a connection without a whole request after this time, from its first moment on.
        return Connection(
            server,
            census=census,
            loop=loop,
            keepalive_timeout=settings.header_seconds,
            lingering_time=settings.linger_seconds,
            auto_decompress=False,
            read_bufsize=READ_BYTES,
            access_log=None,
        )

    return connection
