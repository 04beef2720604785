"""What the routes work with, made once by the composition root."""

from dataclasses import dataclass, field

from aiohttp import web

from edge.backends import Backends
from edge.job import Terms
from edge.live.session import LiveSession
from edge.policy import Policy, Principal
from edge.room import Room
from edge.settings import EdgeSettings


@dataclass(slots=True)
class Edge:
    """The parts of the edge."""

    settings: EdgeSettings
    backends: Backends
    policy: Policy
    terms: Terms
    room: Room
    draining: bool = field(default=False)
    """Whether the process goes away: it is alive, and not ready."""
    sessions: set[LiveSession] = field(default_factory=set)
    """Streams that are open."""


EDGE: web.AppKey[Edge] = web.AppKey("edge", Edge)


async def principal_of(request: web.Request) -> Principal:
    """Who calls. Raises `Unauthorized`."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    return await request.app[EDGE].policy.identify(
        authorization=request.headers.get("Authorization"),
        token=request.query.get("token"),
        protocols=[part.strip() for part in offered.split(",") if part.strip()],
        peer=request.remote or "",
        forwarded=request.headers.getall("X-Forwarded-For", []),
    )
