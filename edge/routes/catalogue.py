"""GET /v1/models and GET /v1/languages."""

from aiohttp import web

from edge.answers import json_answer
from edge.catalogue import merged, model_dict
from edge.context import EDGE
from edge.errors import ServiceUnavailable
from edge.languages import LANGUAGES
from rpc.errors import ServiceError


async def models(request: web.Request) -> web.Response:
    """The contract's rows; none is available while the service is down."""
    try:
        reported = await request.app[EDGE].backends.transcription.models()
    except (ServiceError, ServiceUnavailable):
        reported = []
    return json_answer({"models": [model_dict(row) for row in merged(reported)]})


async def languages(_: web.Request) -> web.Response:
    """Every language that a model understands."""
    return json_answer({"languages": [{"code": code, "name": name} for code, name in LANGUAGES.items()]})


ROUTES = (web.get("/v1/models", models), web.get("/v1/languages", languages))
