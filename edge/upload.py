"""A form comes in: options in memory, the file on disk, every byte counted and every wait bounded."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import PurePath

from aiohttp import web

from edge.errors import BadRequest, RequestTimeout, TooLarge
from edge.metrics import UPLOAD_BYTES
from edge.multipart import MAX_HEADER_BYTES, MAX_PARTS, Data, FormParser, MalformedForm, Part, boundary_of
from edge.spool import Spool

MAX_FIELD_BYTES = 16 * 1024
"""Bytes of one text field."""
FORM_OVERHEAD = MAX_PARTS * (MAX_HEADER_BYTES + MAX_FIELD_BYTES)
"""Bytes that a form may have besides its file."""
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Pace:
    """How slow a body may be."""

    idle_seconds: float = 20.0
    """Longest wait for the next bytes."""
    grace_seconds: float = 30.0
    """Time of waiting before the average counts."""
    bytes_per_second: int = 8 * 1024
    """Least average after that."""


@dataclass(slots=True)
class Upload:
    """What a form held; the file's bytes are in the spool."""

    filename: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """The file's name without folders and extension."""
        return PurePath(self.filename.replace("\\", "/")).stem or "transcript"


async def body_of(request: web.Request, pace: Pace) -> AsyncIterator[bytes]:
    """The request's body as it comes. Raises `RequestTimeout` for one that stalls or trickles.

    Time that the caller spends on the bytes does not count against the client.
    """
    received = 0
    waited = 0.0
    while True:
        began = time.monotonic()
        try:
            async with asyncio.timeout(pace.idle_seconds):
                data = await request.content.readany()
        except TimeoutError:
            raise RequestTimeout(f"No bytes came for {pace.idle_seconds:g} seconds.") from None
        if not data:
            return
        waited += time.monotonic() - began
        received += len(data)
        if waited > pace.grace_seconds and received < pace.bytes_per_second * waited:
            raise RequestTimeout(f"The body came at less than {pace.bytes_per_second} bytes a second.")
        yield data


async def receive(request: web.Request, spool: Spool, *, max_bytes: int, pace: Pace) -> Upload:
    """Read the whole form, fields in any order, with or without a Content-Length.

    Raises `BadRequest`, `TooLarge`, `RequestTimeout`, `SpoolFull`.
    """
    parser = FormParser(boundary_of(request.headers.get("Content-Type", "")))
    announced = request.content_length
    if announced is not None and announced > max_bytes + FORM_OVERHEAD:
        raise _too_large(max_bytes)
    form = _Form(spool, max_bytes)
    async for data in body_of(request, pace):
        for event in parser.feed(data):
            await form.take(event)
        if parser.ended:
            break
    if not parser.ended:
        raise MalformedForm("The body ended before its closing boundary.")
    if not form.has_file:
        raise BadRequest("No file was sent. Send it as multipart/form-data in a field named file.", code="missing_file")
    if spool.size == 0:
        raise BadRequest("The file is empty.", code="empty_media")
    await spool.flush()
    UPLOAD_BYTES.inc(spool.size)
    return form.upload


class _Form:
    """Sorts the parts: the file to the spool, text to the fields."""

    def __init__(self, spool: Spool, max_bytes: int) -> None:
        self.upload = Upload()
        self.has_file = False
        self._spool = spool
        self._max_bytes = max_bytes
        self._part: Part | None = None
        self._text = bytearray()

    async def take(self, event: object) -> None:
        match event:
            case Part(name="file", filename=filename) as part:
                if self.has_file:
                    raise BadRequest("Two files were sent; send one a request.", code="two_files")
                self.has_file = True
                self.upload.filename = filename or ""
                self._part = part
            case Part() as part:
                self._part = part
            case Data(data=data) if self._in_file:
                await self._spool.append(data)
                if self._spool.size > self._max_bytes:
                    raise _too_large(self._max_bytes)
            case Data(data=data):
                self._text += data
                if len(self._text) > MAX_FIELD_BYTES:
                    raise BadRequest(f"A field may have at most {MAX_FIELD_BYTES} bytes.", code="field_too_large")
            case _:
                self._end()

    @property
    def _in_file(self) -> bool:
        return self._part is not None and self._part.name == "file"

    def _end(self) -> None:
        if self._part is not None and not self._in_file:
            try:
                self.upload.fields[self._part.name] = self._text.decode()
            except UnicodeDecodeError:
                raise BadRequest("A field is no UTF-8 text.", code="malformed_form") from None
        self._text.clear()
        self._part = None


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The file is larger than {max_bytes // MEBIBYTE} MB, the most that your plan takes.")
