"""What a server refuses, by its status.

VerbatimError
  BadRequest        400, 413, 415, 422 and others that stay wrong
  Unauthorized      401
  NoCredits         402
  TooManyRequests   429, with `retry_after`
  Unavailable       503, with `retry_after`
  ServerError       500
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class VerbatimError(Exception):
    """A refusal: `message` for people, `code` for programs, `request_id` for whoever reads the server's log."""

    def __init__(
        self, message: str, *, status: int = 0, code: str = "", request_id: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after


class BadRequest(VerbatimError):
    """The request is wrong and stays wrong."""


class Unauthorized(VerbatimError):
    """The key is missing or bad."""


class NoCredits(VerbatimError):
    """Credits or minutes are used up."""


class TooManyRequests(VerbatimError):
    """A count is used up, or too much is in flight."""


class Unavailable(VerbatimError):
    """A service is down or full; try again after `retry_after` seconds."""


class ServerError(VerbatimError):
    """The server's own fault."""


_BY_STATUS: Mapping[int, type[VerbatimError]] = {
    401: Unauthorized,
    402: NoCredits,
    429: TooManyRequests,
    500: ServerError,
    503: Unavailable,
}


def error_from(status: int, body: Mapping[str, Any], retry_after: str | None = None) -> VerbatimError:
    """The error that an answer stands for."""
    after = body.get("retry_after") if retry_after is None else retry_after
    return _BY_STATUS.get(status, BadRequest)(
        str(body.get("error", f"status {status}")),
        status=status,
        code=str(body.get("code", "")),
        request_id=str(body.get("request_id", "")),
        retry_after=None if after is None else int(after),
    )
