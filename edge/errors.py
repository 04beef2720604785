"""Refusals and failures, each with the HTTP status and the slug it is answered with.

ApiError
  BadRequest            400   (a code of its own for each reason)
  NotFound              404   not_found
  RequestTimeout        408   request_timeout
  TooLarge              413   file_too_large
  UnsupportedEncoding   415   unsupported_encoding
  ServiceUnavailable    503   unavailable
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import grpc

from edge.limits import rate_limit_headers
from edge.policy.errors import PolicyError
from edge.policy.outcomes import Limit
from media import MediaError
from rpc.errors import ServiceError


class ApiError(Exception):
    """What a caller is told: `message` for people, `code` for programs."""

    status: ClassVar[int]
    code: str

    def __init__(self, message: str, *, code: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.retry_after = retry_after
        """Whole seconds after which a new try may pass."""


class BadRequest(ApiError):
    """The request cannot be understood."""

    status = 400
    code = "bad_request"


class NotFound(ApiError):
    """There is nothing at this address."""

    status = 404
    code = "not_found"


class RequestTimeout(ApiError):
    """The body came too slowly."""

    status = 408
    code = "request_timeout"


class TooLarge(ApiError):
    """The upload is larger than the caller may send."""

    status = 413
    code = "file_too_large"


class UnsupportedEncoding(ApiError):
    """The body is compressed."""

    status = 415
    code = "unsupported_encoding"


class ServiceUnavailable(ApiError):
    """A service is down or full; a later try may pass."""

    status = 503
    code = "unavailable"


class Failure(ApiError):
    """Our own fault: what happened stands in the log under the request's id."""

    status = 500
    code = "internal"


STATUS_OF: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 503,
    grpc.StatusCode.PERMISSION_DENIED: 503,
    grpc.StatusCode.NOT_FOUND: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 503,
    grpc.StatusCode.ABORTED: 503,
    grpc.StatusCode.UNIMPLEMENTED: 503,
}
"""One table from a service's answer to ours; what is not in it is 500. A service that
refuses the edge itself is a fault of the installation, not of the caller."""

RETRY_AFTER = 5
"""Seconds named where the refusing side named none."""


class Refusal:
    """The answer to an error: what every dialect (HTTP, events, WebSocket) needs to tell it."""

    __slots__ = ("code", "limits", "message", "retry_after", "status")

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after if retry_after is not None or status not in {429, 503} else RETRY_AFTER
        self.limits: Sequence[Limit] = ()
        """What is used up, where that is why."""

    @property
    def headers(self) -> dict[str, str]:
        """Headers that go with it."""
        again = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return {**again, **rate_limit_headers(self.limits)}


def innermost(error: BaseException) -> BaseException:
    """The first cause inside groups of errors: what a task group wrapped."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def refusal(error: BaseException) -> Refusal | None:
    """How to answer an error that knows its code; None for one that does not."""
    match innermost(error):
        case PolicyError() as known:
            refused = Refusal(known.status, known.code, known.message, known.retry_after)
            refused.limits = known.limits
            return refused
        case ApiError() as known:
            return Refusal(known.status, known.code, known.message, known.retry_after)
        case ServiceError() as known:
            seconds = None if known.retry_after is None else max(1, round(known.retry_after))
            return Refusal(STATUS_OF.get(known.status, 500), known.reason, known.message, seconds)
        case MediaError() as known:
            return Refusal(400, known.reason, str(known))
        case _:
            return None
