"""Requests that are sent again: what an `Idempotency-Key` means for HTTP."""

import hashlib
import json
import os
import re
from collections.abc import Mapping

from aiohttp import web

from edge.errors import ApiError, BadRequest
from edge.policy.outcomes import Answer, Mismatch, Outcome, Replay
from edge.sse import EventStream, wants_events

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
MAX_CHARACTERS = 255
KEY = re.compile(f"[!-~]{{1,{MAX_CHARACTERS}}}")
KEPT_HEADERS = ("Content-Type", "Content-Disposition", "X-Model")
"""Headers that belong to an answer; the others belong to the exchange."""
READ_BYTES = 1 << 20


class StillRunning(ApiError):
    """The first request with this key is not done."""

    status = 409
    code = "still_running"


class KeyReused(ApiError):
    """The key was used for something else."""

    status = 422
    code = "idempotency_key_reused"


def key_of(request: web.Request) -> str | None:
    """The key that the caller sent. Raises `BadRequest` for one that cannot be kept."""
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        raise BadRequest(
            f"{HEADER} has 1 to {MAX_CHARACTERS} printable ASCII characters and no spaces.", code="bad_idempotency_key"
        )
    return key


def fingerprint(what: Mapping[str, str], descriptor: int | None = None) -> str:
    """A hash of everything that was sent: names, values, and the bytes of a file; reads the file, so for a thread."""
    digest = hashlib.sha256(json.dumps(sorted(what.items())).encode())
    position = 0
    while descriptor is not None and (data := os.pread(descriptor, READ_BYTES, position)):
        digest.update(data)
        position += len(data)
    return digest.hexdigest()


def kept(response: web.Response) -> Answer:
    """What is kept of an answer."""
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    body = response.body
    return Answer(response.status, headers, body if isinstance(body, bytes) else b"")


async def repeated(request: web.Request, outcome: Outcome) -> web.StreamResponse:
    """Answer a request that is not the first with its key. Raises `StillRunning` or `KeyReused`."""
    if isinstance(outcome, Mismatch):
        raise KeyReused(f"This {HEADER} was used for another request.")
    if not isinstance(outcome, Replay):
        raise StillRunning(f"The first request with this {HEADER} is still running.", retry_after=2)
    answer = outcome.answer
    is_json = answer.headers.get("Content-Type", "").startswith("application/json")
    if wants_events(request) and is_json:
        stream = EventStream(request)
        stream.response.headers[REPLAYED] = "true"
        await stream.send("result", json.loads(answer.body))
        await stream.end()
        return stream.response
    return web.Response(status=answer.status, headers={**answer.headers, REPLAYED: "true"}, body=answer.body)
