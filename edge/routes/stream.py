"""WS /v1/stream: captions as one speaks."""

from aiohttp import web

from edge import errors
from edge.context import EDGE, Edge, principal_of
from edge.errors import BadRequest, Refusal, ServiceUnavailable
from edge.live import messages
from edge.live.config import from_query
from edge.live.ear import MAX_FRAME_BYTES
from edge.live.session import LiveSession
from edge.metrics import STREAMS_OPEN
from rpc import telemetry

CLOSE_SECONDS = 5.0
"""How long the client has to answer a close."""
PROTOCOL = "bearer"


async def stream(request: web.Request) -> web.StreamResponse:
    """Check who calls and whether there is room, then shake hands, then serve.

    A refusal is an HTTP answer; a browser, which could not read that, is told over the socket.
    """
    ws = web.WebSocketResponse(
        timeout=CLOSE_SECONDS,
        # A frame that is too large is told so; one of twice the size is not even read.
        max_msg_size=2 * MAX_FRAME_BYTES,
        compress=False,
        protocols=(PROTOCOL,),
    )
    if not ws.can_prepare(request):
        raise BadRequest("This is a WebSocket.", code="websocket_expected")
    edge = request.app[EDGE]
    try:
        return await _admitted(request, edge, ws)
    except Exception as error:
        refused = errors.refusal(error)
        if ws.prepared or refused is None or "Origin" not in request.headers:
            raise
        return await _told_over_the_socket(request, ws, refused)


async def _admitted(request: web.Request, edge: Edge, ws: web.WebSocketResponse) -> web.WebSocketResponse:
    offered = from_query(request.query)
    principal = await principal_of(request)
    if edge.draining:
        raise ServiceUnavailable("The server is going away.", code="draining", retry_after=1)
    async with edge.policy.admit(principal, kind="stream", request_id=telemetry.request_id.get()) as admission:
        await edge.backends.transcription.replicas.check(live=True)
        await ws.prepare(request)
        session = LiveSession(
            ws,
            edge.backends,
            admission,
            idle_seconds=edge.settings.stream_idle_seconds,
            ping_seconds=edge.settings.stream_ping_seconds,
        )
        edge.sessions.add(session)
        with STREAMS_OPEN.track_inprogress():
            try:
                await session.run(offered)
            finally:
                edge.sessions.discard(session)
    return ws


async def _told_over_the_socket(
    request: web.Request, ws: web.WebSocketResponse, refused: Refusal
) -> web.WebSocketResponse:
    await ws.prepare(request)
    await ws.send_str(messages.refused(refused))
    await ws.close(code=messages.close_code(refused), message=refused.code.encode())
    return ws


ROUTES = (web.get("/v1/stream", stream, allow_head=False),)
