"""What holds for every request: an id, one log line, a count, and every failure told in one shape."""

import re
import time
import uuid

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Counter, Histogram

from edge.answers import REQUEST_ID, SERVER, error_answer
from edge.errors import Refusal, UnsupportedEncoding, innermost, refusal
from rpc import telemetry

REQUEST: web.RequestKey[str] = web.RequestKey("request_id", str)
SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CLIENT_GONE = 499
"""Status in logs and metrics for a client that went away; nobody receives it."""

REQUESTS = Counter("edge_requests", "Requests answered.", ("route", "method", "status"))
SECONDS = Histogram(
    "edge_request_seconds",
    "Time from a request's headers to the end of its answer.",
    ("route",),
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200),
)
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})
CODES: dict[int, str] = {
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    411: "length_required",
    413: "too_large",
    415: "unsupported_encoding",
    417: "expectation_failed",
}

_log = structlog.get_logger(__name__)


@web.middleware
async def identity(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id, in logs, in calls to services and in the answer; count it and log it once."""
    sent = request.headers.get(REQUEST_ID, "")
    request[REQUEST] = sent if SANE_ID.fullmatch(sent) else uuid.uuid4().hex
    known = telemetry.request_id.set(request[REQUEST])
    route = request.match_info.route.resource
    name = route.canonical if route is not None else "none"
    began = time.monotonic()
    status = CLIENT_GONE
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        seconds = time.monotonic() - began
        # Any word may be sent as a method: those that no route has are counted as one.
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(name, method, status).inc()
        SECONDS.labels(name).observe(seconds)
        # The route, not the path or the query as they came: either may hold a key.
        _log.info(
            "request",
            method=request.method,
            route=name,
            status=status,
            seconds=round(seconds, 3),
            request_id=telemetry.request_id.get(),
        )
        telemetry.request_id.reset(known)


@web.middleware
async def failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every failure in one shape; one that does not know its code is our fault and goes to the log."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return error_answer(_of_http(error, request), headers=headers)
    except Exception as error:
        if isinstance(innermost(error), ConnectionError) and _is_gone(request):
            # In the middle of its body or of our answer: there is nobody to tell.
            return web.Response(status=CLIENT_GONE)
        refused = refusal(error)
        if refused is None:
            _log.exception("request_failed", request_id=telemetry.request_id.get())
            refused = Refusal(500, "internal", "The server failed. Its log has the details under this request_id.")
        return error_answer(refused)


@web.middleware
async def plain_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse compressed bodies: a few KiB of them may be a GiB."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnsupportedEncoding("Send the body without Content-Encoding.")
    return await handler(request)


async def name_request(request: web.Request, response: web.StreamResponse) -> None:
    """Put the id into every answer as it begins."""
    response.headers.update({REQUEST_ID: request[REQUEST], **SERVER})


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _of_http(error: web.HTTPException, request: web.Request) -> Refusal:
    code = CODES.get(error.status, error.reason.lower().replace(" ", "_"))
    if error.status == 404:
        return Refusal(404, code, f"There is nothing at {request.path[:200]}. GET /openapi.yaml lists what there is.")
    return Refusal(error.status, code, f"{error.reason}: {request.method} {request.path[:200]}")
