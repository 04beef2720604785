"""Answers in JSON, errors among them: one shape whatever the route."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from edge.errors import Refusal
from rpc import telemetry

REQUEST_ID = "X-Request-Id"
SERVER = {"Server": "verbatim"}
"""Instead of the versions of what it is built on."""


def json_answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer with text as it is, not escaped to ASCII."""
    text = json.dumps(value, ensure_ascii=False)
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")


def error_dict(refused: Refusal) -> dict[str, Any]:
    """The body of every error."""
    return {"error": refused.message, "code": refused.code, "request_id": telemetry.request_id.get()}


def error_answer(refused: Refusal, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """The answer to an error."""
    return json_answer(error_dict(refused), status=refused.status, headers={**refused.headers, **(headers or {})})
