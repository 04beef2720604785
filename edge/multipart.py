"""A parser of multipart/form-data (RFC 7578) that is fed bytes and holds no more than a few KiB of them.

aiohttp's own reader takes a preamble and an epilogue of any length, nested multiparts and
any number of parts, and awaits the body itself; here every bound is explicit and the
caller paces the reading. Any feeding, byte by byte too, gives the same parts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Literal
from urllib.parse import unquote_to_bytes

from edge.errors import BadRequest

MAX_HEADER_BYTES = 8 * 1024
"""All headers of one part."""
MAX_PREAMBLE_BYTES = 8 * 1024
MAX_PARTS = 100
MAX_BOUNDARY = 70
PLAIN = frozenset({"binary", "8bit", "7bit", "identity"})
"""Encodings of a part that are none."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part begins."""

    name: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the part that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part that began last is whole."""


Event = Part | Data | PartEnd
State = Literal["preamble", "boundary", "headers", "body", "end"]


class MalformedForm(BadRequest):
    """The body is no multipart/form-data."""

    code = "malformed_form"


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names. Raises `MalformedForm` if it is not multipart/form-data."""
    header = _header(content_type)
    if header.get_content_type() != "multipart/form-data":
        raise MalformedForm(
            "Send the file as multipart/form-data, in a field named file. "
            f"The Content-Type was {content_type.partition(';')[0][:80] or 'not given'!r}."
        )
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= MAX_BOUNDARY or not boundary.isascii():
        raise MalformedForm(f"multipart/form-data needs a boundary of 1 to {MAX_BOUNDARY} ASCII characters.")
    return boundary.encode()


class FormParser:
    """Bytes in, events out."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")
        """Begins with the line break that a first boundary may lack."""
        self._state: State = "preamble"
        self._parts = 0
        self._fresh = True
        """Whether the content of the part has not begun: the line break before it is still in the buffer."""

    @property
    def ended(self) -> bool:
        """Whether the closing boundary came."""
        return self._state == "end"

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take bytes as they come. Raises `MalformedForm`."""
        if self._state == "end":
            return
        self._buffer += data
        progress = True
        while progress:
            match self._state:
                case "preamble":
                    progress = self._preamble()
                case "boundary":
                    progress = self._boundary()
                case "headers":
                    part = self._headers()
                    progress = part is not None
                    if part is not None:
                        yield part
                case "body":
                    chunk, progress = self._body()
                    if chunk:
                        yield Data(chunk)
                    if progress:
                        yield PartEnd()
                case "end":
                    self._buffer.clear()
                    progress = False

    def _preamble(self) -> bool:
        found = self._buffer.find(self._delimiter)
        if found < 0:
            if len(self._buffer) > MAX_PREAMBLE_BYTES + len(self._delimiter):
                raise MalformedForm("The body does not begin with the boundary that its Content-Type names.")
            return False
        del self._buffer[: found + len(self._delimiter)]
        self._state = "boundary"
        return True

    def _boundary(self) -> bool:
        """What follows a boundary: `--` ends the form, a line break begins a part."""
        if self._buffer.startswith(b"--"):
            self._state = "end"
            return True
        line_end = self._buffer.find(b"\r\n")
        if line_end < 0:
            if len(self._buffer) > MAX_BOUNDARY:
                raise MalformedForm("A boundary is followed by something else than a line break.")
            return False
        if self._buffer[:line_end].strip(b" \t"):
            raise MalformedForm("A boundary is followed by something else than a line break.")
        # The line break stays: it ends an empty block of headers too.
        del self._buffer[:line_end]
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise MalformedForm(f"A form may have at most {MAX_PARTS} parts.", code="too_many_parts")
        self._state = "headers"
        return True

    def _headers(self) -> Part | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > MAX_HEADER_BYTES:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise MalformedForm(f"The headers of a part may have at most {MAX_HEADER_BYTES} bytes.")
            return None
        block = bytes(self._buffer[2:end])
        # One line break stays before the content, so that an empty part ends like any other.
        del self._buffer[: end + 2]
        self._state = "body"
        self._fresh = True
        return _part(block)

    def _body(self) -> tuple[bytes, bool]:
        """Content that is certain, and whether the part is over."""
        begin = 2 if self._fresh else 0
        found = self._buffer.find(self._delimiter)
        if found >= 0:
            chunk = bytes(self._buffer[begin:found]) if found > begin else b""
            del self._buffer[: found + len(self._delimiter)]
            self._state = "boundary"
            return chunk, True
        certain = len(self._buffer) - len(self._delimiter) + 1
        if certain <= begin:
            return b"", False
        chunk = bytes(self._buffer[begin:certain])
        del self._buffer[:certain]
        self._fresh = False
        return chunk, False


_FILENAME_STAR = re.compile(r"filename\*\s*=\s*([\w-]+)'[^']*'([^;\s]+)", re.IGNORECASE)


def _header(value: str) -> Message:
    message = Message()
    message["Content-Type"] = value.replace("\r", " ").replace("\n", " ")
    return message


def _part(block: bytes) -> Part:
    disposition = ""
    for line in block.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        match key.strip().lower():
            case "content-disposition":
                disposition = value.strip()
            case "content-encoding" | "content-transfer-encoding" if value.strip().lower() not in PLAIN:
                raise MalformedForm("Parts must not be encoded or compressed.")
    name = _parameter(disposition, "name")
    if not disposition.lower().startswith("form-data") or name is None:
        raise MalformedForm("Every part needs Content-Disposition: form-data with a name.")
    return Part(name, _extended_filename(disposition) or _parameter(disposition, "filename"))


def _extended_filename(disposition: str) -> str | None:
    """The `filename*` of RFC 5987, which some libraries send for names beyond ASCII."""
    match = _FILENAME_STAR.search(disposition)
    if match is None:
        return None
    charset, quoted = match.groups()
    try:
        return unquote_to_bytes(quoted).decode(charset, "replace")
    except LookupError:
        return None


def _parameter(disposition: str, name: str) -> str | None:
    """A parameter as browsers and libraries write it: quoted with %22 or a backslash for quotes, or a token."""
    match = re.search(rf';\s*{name}\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', disposition, re.IGNORECASE)
    if match is None:
        return None
    quoted, token = match.groups()
    if quoted is None:
        return str(token)
    return re.sub(r'\\(["\\])', r"\1", quoted).replace("%22", '"')
