"""POST /v1/transcribe: a form comes in, a transcript goes out."""

from urllib.parse import quote

from aiohttp import web

from edge import errors
from edge.answers import error_dict, json_answer
from edge.context import EDGE, principal_of
from edge.events import Progress, Ready
from edge.formats import segment_dict, transcript_dict
from edge.job import Job
from edge.limits import rate_limit_headers
from edge.options import Options, parse_options
from edge.policy import Admission, Principal
from edge.policy.outcomes import Fresh
from edge.repeats import fingerprint, kept, key_of, repeated
from edge.spool import Spool, open_spool
from edge.sse import EventStream, wants_events
from edge.threads import in_thread
from edge.types import Segment, Transcript
from edge.upload import Upload, receive
from rpc import telemetry


async def transcribe(request: web.Request) -> web.StreamResponse:
    """Check who calls and whether there is room, then read the form, then work."""
    edge = request.app[EDGE]
    principal = await principal_of(request)
    key = key_of(request)
    if key is not None and await edge.policy.known(principal, key):
        return await _repeat(request, principal, key)
    async with edge.policy.admit(principal, kind="transcription", request_id=telemetry.request_id.get()) as admission:
        seen = await edge.backends.transcription.replicas.check()
        with edge.room.place(seen, request.content_length) as place:
            async with open_spool(edge.settings.spool_folder) as spool:
                await _let_the_body_come(request)
                upload = await receive(request, spool, max_bytes=admission.max_bytes, pace=edge.settings.pace)
                options = parse_options(upload.fields)
                if key is not None:
                    outcome = await admission.begin(key, await _fingerprint(upload, spool))
                    if not isinstance(outcome, Fresh):
                        return await repeated(request, outcome)
                job = Job(edge.backends, edge.terms, options=options, admission=admission, place=place)
                if wants_events(request):
                    return await _tell(request, job, admission, source=spool.descriptor)
                transcript = await job.run(spool.descriptor, _nobody)
        response = await in_thread(_answer, transcript, options, upload)
        await admission.finish(kept(response), seconds=transcript.duration)
    response.headers.update(rate_limit_headers(admission.limits))
    return response


async def _repeat(request: web.Request, principal: Principal, key: str) -> web.StreamResponse:
    """Answer a request that is no new one: no limit but that of its size applies."""
    edge = request.app[EDGE]
    async with open_spool(edge.settings.spool_folder) as spool:
        await _let_the_body_come(request)
        upload = await receive(request, spool, max_bytes=principal.tier.max_bytes, pace=edge.settings.pace)
        outcome = await edge.policy.replay(principal, key, await _fingerprint(upload, spool))
    return await repeated(request, outcome)


async def _fingerprint(upload: Upload, spool: Spool) -> str:
    return await in_thread(fingerprint, {**upload.fields, "file": upload.filename}, spool.descriptor)


async def _tell(request: web.Request, job: Job, admission: Admission, *, source: int) -> web.StreamResponse:
    """The same, told while it goes on. An error after the first event is an event itself."""
    stream = EventStream(request)
    stream.response.headers.update(rate_limit_headers(admission.limits))

    async def told(event: Segment | Progress | Ready) -> None:
        match event:
            case Segment():
                await stream.send("segment", segment_dict(event))
            case Progress(received=received, processed=processed):
                await stream.send("progress", {"received": round(received, 3), "processed": round(processed, 3)})

    try:
        transcript = await job.run(source, told)
        result = await in_thread(_as_json, transcript)
        await admission.finish(kept(result), seconds=transcript.duration)
        await stream.send_text("result", result.text or "")
    except Exception as error:
        refused = errors.refusal(error)
        if refused is None or not stream.begun:
            raise
        await stream.send("error", error_dict(refused))
    await stream.end()
    return stream.response


async def _nobody(_: Segment | Progress | Ready) -> None:
    """Nobody is told."""


async def _expect(_: web.Request) -> None:
    """`Expect: 100-continue` is answered when the body is wanted, not before the caller is known."""


async def _let_the_body_come(request: web.Request) -> None:
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def _as_json(transcript: Transcript) -> web.Response:
    return json_answer(transcript_dict(transcript), headers={"X-Model": transcript.model})


def _answer(transcript: Transcript, options: Options, upload: Upload) -> web.Response:
    headers = {"X-Model": transcript.model}
    wanted = options.format
    if not wanted.download:
        return _as_json(transcript)
    headers["Content-Disposition"] = disposition(f"{upload.stem}.{wanted.name}")
    headers["Content-Type"] = wanted.content_type
    return web.Response(body=wanted.write(transcript, upload.stem).encode(), headers=headers)


def disposition(filename: str) -> str:
    """The header that names a download: RFC 6266, with a plain name for old clients."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%;' else "_" for c in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


ROUTES = (web.post("/v1/transcribe", transcribe, expect_handler=_expect),)
