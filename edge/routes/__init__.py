"""The routes: the one place to add one."""

from collections.abc import Sequence

from aiohttp import web

from edge.routes import account, catalogue, console, stream, summarize, system, transcribe

ROUTES: Sequence[web.AbstractRouteDef] = (
    *transcribe.ROUTES,
    *stream.ROUTES,
    *summarize.ROUTES,
    *account.ROUTES,
    *catalogue.ROUTES,
    *system.ROUTES,
    *console.ROUTES,
)
