"""The console: one page, its scripts and its style, from this server and from nowhere else."""

from functools import cache
from pathlib import Path

from aiohttp import web

from edge.errors import NotFound

FOLDER = Path(__file__).parent.parent / "pages"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; "
    "img-src data:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


async def page(_: web.Request) -> web.Response:
    """The page itself."""
    return _file("index.html")


async def part(request: web.Request) -> web.Response:
    """A script or style of the page."""
    return _file(request.match_info["name"])


@cache
def pages() -> dict[str, bytes]:
    """All files of the console, by name."""
    return {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in KINDS}


def _file(name: str) -> web.Response:
    body = pages().get(name)
    if body is None:
        raise NotFound(f"The console has no {name[:50]!r}.")
    return web.Response(body=body, content_type=KINDS[Path(name).suffix], charset="utf-8", headers=HEADERS)


ROUTES = (web.get("/", page), web.get("/console/{name}", part))
