"""The errors that cross between processes: each knows its gRPC code and its slug.

ServiceError
├── InvalidArgument      the request is wrong and stays wrong
├── NotFound             what it names does not exist
├── FailedPrecondition   right, but not in the state that things are in
├── PermissionDenied     the caller may not do this
├── ResourceExhausted    the caller asked for too much
├── Unavailable          the server cannot now; another replica or a later try may
├── Aborted              the stream ended without `finish`
├── DeadlineExceeded     it took longer than the caller waits
├── Unimplemented        this server has no such method or capability
└── Internal             a fault of the server
"""

from typing import ClassVar

import grpc
import grpc.aio
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "verbatim"


class ServiceError(Exception):
    """An error that a caller in another process can act on.

    `message` is a sentence for people and goes to the caller as it is. `retry_after` is in seconds.
    `metadata` are facts for programs, such as a limit and its value.
    """

    status: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    reason: str = "internal"

    def __init__(self, message: str, *, retry_after: float | None = None, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        self.metadata: dict[str, str] = metadata


class InvalidArgument(ServiceError):
    """The request is wrong and stays wrong."""

    status = grpc.StatusCode.INVALID_ARGUMENT
    reason = "invalid_argument"


class NotFound(ServiceError):
    """What the request names does not exist."""

    status = grpc.StatusCode.NOT_FOUND
    reason = "not_found"


class FailedPrecondition(ServiceError):
    """The request is right, but not in the state that things are in."""

    status = grpc.StatusCode.FAILED_PRECONDITION
    reason = "failed_precondition"


class PermissionDenied(ServiceError):
    """The caller may not do this."""

    status = grpc.StatusCode.PERMISSION_DENIED
    reason = "permission_denied"


class ResourceExhausted(ServiceError):
    """The caller asked for too much; asking for the same again is no use."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "resource_exhausted"


class Unavailable(ServiceError):
    """The server cannot now; another replica or a later try may."""

    status = grpc.StatusCode.UNAVAILABLE
    reason = "unavailable"


class Overloaded(Unavailable):
    """The server is at a bound of its own."""

    reason = "overloaded"


class Aborted(ServiceError):
    """The stream ended without `finish`."""

    status = grpc.StatusCode.ABORTED
    reason = "aborted"


class DeadlineExceeded(ServiceError):
    """It took longer than the caller waits."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "deadline_exceeded"


class Unimplemented(ServiceError):
    """The server has no such method or capability."""

    status = grpc.StatusCode.UNIMPLEMENTED
    reason = "unimplemented"


class Internal(ServiceError):
    """A fault of the server; the caller did nothing wrong."""

    status = grpc.StatusCode.INTERNAL
    reason = "internal"


_KINDS: tuple[type[ServiceError], ...] = (
    InvalidArgument,
    NotFound,
    FailedPrecondition,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
    Aborted,
    DeadlineExceeded,
    Unimplemented,
    Internal,
)
_BY_CODE: dict[grpc.StatusCode, type[ServiceError]] = {kind.status: kind for kind in _KINDS} | {
    # A call that the caller itself cancels raises asyncio.CancelledError. This code in an error therefore
    # means that the server cut the call off, as at the end of a drain: another replica may serve it.
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.OUT_OF_RANGE: InvalidArgument,
}
_BROKEN = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
"""Our servers send details with every error of their own. Without them the transport made it: a peer that froze or
died in the middle of a stream shows as INTERNAL."""


def to_status(error: ServiceError) -> status_pb2.Status:
    """Gives the error as it travels: `ErrorInfo` with the slug, `RetryInfo` if there is a time to wait."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    details = [_packed(info)]
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(round(error.retry_after * 1e9))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status_pb2.Status(code=error.status.value[0], message=error.message, details=details)


def from_rpc_error(error: grpc.aio.AioRpcError) -> ServiceError:
    """Gives the error of a failed call as a `ServiceError` of the class of its code.

    Slug, metadata and time to wait are those that the server sent. An error that the transport or a foreign
    server made has none: it keeps the slug of its class, and its text stays out of the message, since it may
    name addresses.
    """
    kind = _BY_CODE.get(error.code(), Internal)
    status = _details(error)
    if status is None:
        if error.code() in _BROKEN:
            kind = Unavailable
        return kind(f"the service answered {error.code().name}")
    result = kind(status.message)
    for detail in status.details:
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            result.reason = info.reason
            result.metadata = dict(info.metadata)
        elif detail.Unpack(retry):
            result.retry_after = retry.retry_delay.ToNanoseconds() / 1e9
    return result


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _details(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    for key, value in error.trailing_metadata() or ():
        if key == rpc_status.GRPC_DETAILS_METADATA_KEY and isinstance(value, bytes):
            return status_pb2.Status.FromString(value)
    return None
