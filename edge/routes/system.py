"""What operators and their tools ask: health, readiness, metrics, the description of the API."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from edge.answers import json_answer
from edge.context import EDGE
from edge.convert import Runtime
from edge.replicas import Replicas

DESCRIPTION = Path(__file__).parent.parent / "openapi.yaml"


async def health(request: web.Request) -> web.Response:
    """The truth about the services, read at most once a second."""
    edge = request.app[EDGE]
    services = edge.backends.replicas
    looks = await asyncio.gather(*(service.look(fresh=True) for service in services))
    states = {service.name: _state(service, list(look.values())) for service, look in zip(services, looks, strict=True)}
    gpu = next((each for look in looks for each in look.values() if each.gpu_name is not None), None)
    well = all(state["status"] in {"ok", "fetching"} for state in states.values())
    body = {
        "status": "ok" if well else "degraded",
        "gpu_available": gpu is not None,
        "gpu_name": None if gpu is None else gpu.gpu_name,
        "gpu_memory_mb": 0 if gpu is None else gpu.gpu_memory,
        "services": states,
    }
    return json_answer(body, status=200 if well else 503, headers=None if well else {"Retry-After": "5"})


async def alive(_: web.Request) -> web.Response:
    """The loop turns."""
    return json_answer({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Whether recordings would be taken: not while the process goes away or has no transcription."""
    edge = request.app[EDGE]
    well = not edge.draining and bool(await edge.backends.transcription.replicas.look())
    return json_answer({"status": "ok" if well else "not_ready"}, status=200 if well else 503)


async def metrics(_: web.Request) -> web.Response:
    """Prometheus text."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def openapi(_: web.Request) -> web.Response:
    """The description of the API."""
    return web.Response(body=description(), content_type="application/yaml", charset="utf-8")


@cache
def description() -> bytes:
    """The document as it lies beside the code."""
    return DESCRIPTION.read_bytes()


def _state(service: Replicas, replicas: list[Runtime]) -> dict[str, Any]:
    if not replicas:
        return {"status": "down", "replicas": 0}
    state: dict[str, Any] = {"status": "ok", "replicas": len(replicas)}
    best = next((each for each in replicas if each.state == "ready"), replicas[0])
    if best.model:
        state["model"] = best.model
    if best.state != "ready":
        state["status"] = best.state
        if best.total:
            state |= {"fetched_bytes": best.fetched, "total_bytes": best.total}
    return state


ROUTES = (
    web.get("/health", health),
    web.get("/livez", alive),
    web.get("/readyz", ready),
    web.get("/metrics", metrics),
    web.get("/openapi.yaml", openapi),
)
