"""POST /v1/summarize: a transcript's text comes in, its summary goes out."""

import json
from contextlib import aclosing
from dataclasses import asdict

from aiohttp import web

from edge import errors
from edge.answers import error_dict, json_answer
from edge.backends import Summarization
from edge.context import EDGE, principal_of
from edge.errors import BadRequest, ServiceUnavailable, TooLarge
from edge.policy import Admission
from edge.policy.errors import Unauthorized
from edge.policy.outcomes import Fresh
from edge.policy.unlimited import Unlimited
from edge.repeats import fingerprint, kept, key_of, repeated
from edge.sse import EventStream, wants_events
from edge.summaries import Delta, Summary, SummaryRequest, parse_summary_request, summary_dict
from edge.upload import body_of
from rpc import telemetry

MAX_BODY_BYTES = 8 << 20
"""A day of speech is about a million characters; JSON may escape each to six bytes."""


async def summarize(request: web.Request) -> web.StreamResponse:
    """Check who calls, then read, then ask the service."""
    edge = request.app[EDGE]
    principal = await principal_of(request)
    if principal.anonymous and not isinstance(edge.policy, Unlimited):
        raise Unauthorized("Summaries need an API key. Sign up free and get one in seconds.")
    service = edge.backends.summarization
    if service is None:
        raise ServiceUnavailable("This server makes no summaries.", code="summarization_unavailable", retry_after=60)
    key = key_of(request)
    async with edge.policy.admit(principal, kind="summary", request_id=telemetry.request_id.get()) as admission:
        wanted = parse_summary_request(await _json_of(request))
        if key is not None:
            outcome = await admission.begin(key, fingerprint(asdict(wanted)))
            if not isinstance(outcome, Fresh):
                return await repeated(request, outcome)
        if wants_events(request):
            return await _tell(request, service, wanted, admission)
        summary = await _last(service, wanted)
        response = json_answer(summary_dict(summary, wanted.style), headers={"X-Model": summary.model})
        await admission.finish(kept(response), seconds=0)
    return response


async def _json_of(request: web.Request) -> object:
    body = bytearray()
    async for data in body_of(request, request.app[EDGE].settings.pace):
        body += data
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"A request for a summary may have at most {MAX_BODY_BYTES >> 20} MB.", code="too_large")
    try:
        parsed: object = json.loads(body)
    except ValueError:
        raise BadRequest("Send a JSON object with text and, if you like, style.", code="invalid_json") from None
    return parsed


async def _last(service: Summarization, wanted: SummaryRequest) -> Summary:
    events = service.stream(wanted.text, style=wanted.style, language=wanted.language, deltas=False)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Summary):
                return event
    raise ServiceUnavailable("The service ended without a summary.")


async def _tell(
    request: web.Request, service: Summarization, wanted: SummaryRequest, admission: Admission
) -> web.StreamResponse:
    """Parts of a preview as they are written, then the checked summary as `result`."""
    stream = EventStream(request)
    events = service.stream(wanted.text, style=wanted.style, language=wanted.language, deltas=True)
    try:
        async with aclosing(events):
            async for event in events:
                match event:
                    case Delta(text=text):
                        await stream.send("delta", {"text": text})
                    case Summary():
                        result = summary_dict(event, wanted.style)
                        await admission.finish(kept(json_answer(result)), seconds=0)
                        await stream.send("result", result)
    except Exception as error:
        refused = errors.refusal(error)
        if refused is None or not stream.begun:
            raise
        await stream.send("error", error_dict(refused))
    await stream.end()
    return stream.response


ROUTES = (web.post("/v1/summarize", summarize),)
