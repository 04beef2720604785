"""The routes: the one place to add one."""

from collections.abc import Sequence

from aiohttp import web

from edge.routes import catalogue, summarize, system, transcribe

ROUTES: Sequence[web.AbstractRouteDef] = (
    *transcribe.ROUTES,
    *summarize.ROUTES,
    *catalogue.ROUTES,
    *system.ROUTES,
)
