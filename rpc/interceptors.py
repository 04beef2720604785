"""What happens around every call of a server: request id, admission, errors to status, metrics, one log line."""

import asyncio
import contextlib
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, TypeAlias

import grpc
import grpc.aio
import structlog
from grpc_status import rpc_status

from rpc import telemetry
from rpc.errors import DeadlineExceeded, Internal, Overloaded, ServiceError, to_status

REQUEST_ID = "x-request-id"

_Context = grpc.aio.ServicerContext[Any, Any]
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]]"
_log = structlog.get_logger("rpc")
_USABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Admission:
    """Counts open streams against their limit.

    Not `maximum_concurrent_rpcs` of the server: that answers RESOURCE_EXHAUSTED, which here means that the
    caller asked for too much, and it counts health checks too.
    """

    def __init__(self, *, limit: int, retry_after: float) -> None:
        self.limit = limit
        self.streams = 0
        self._retry_after = retry_after
        telemetry.STREAM_LIMIT.set(limit)

    @contextlib.contextmanager
    def stream(self) -> Iterator[None]:
        """Holds the place of one stream. Raises `Overloaded`."""
        if self.streams >= self.limit:
            raise Overloaded(
                "the server has as many streams open as it may", retry_after=self._retry_after, limit=str(self.limit)
            )
        self.streams += 1
        telemetry.STREAMS_OPEN.inc()
        try:
            yield
        finally:
            self.streams -= 1
            telemetry.STREAMS_OPEN.dec()


class Calls(grpc.aio.ServerInterceptor):
    """Puts a `_Call` around every handler.

    Handlers that stream responses are async generators or return one; those that do not are coroutines. A
    handler must not use its context while it is being closed: see `_Call`.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def intercept_service(
        self,
        continuation: _Continuation,
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_Handler | None":
        """Wraps the handler of one call; None if there is no such method."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        # Streams both ways are the ones that hold sessions. Those of grpc itself, such as reflection, do not.
        counted = handler.request_streaming and handler.response_streaming and not method.startswith("/grpc.")
        kind = _KINDS[handler.request_streaming, handler.response_streaming]
        behaviour: Any = getattr(handler, kind)

        def place() -> contextlib.AbstractContextManager[None]:
            return self._admission.stream() if counted else contextlib.nullcontext()

        async def respond_once(request: Any, context: _Context) -> Any:
            async with _Call(method, kind, context):
                with place():
                    return await behaviour(request, context)

        async def respond(request: Any, context: _Context) -> AsyncIterator[Any]:
            # The inner generator is closed here and not by the garbage collector, so that a session ends
            # with its call.
            async with _Call(method, kind, context):
                with place():
                    async with contextlib.aclosing(behaviour(request, context)) as responses:
                        async for response in responses:
                            yield response

        make: Any = getattr(grpc, f"{kind}_rpc_method_handler")
        wrapped: _Handler = make(
            respond if handler.response_streaming else respond_once,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return wrapped


_KINDS = {
    (False, False): "unary_unary",
    (False, True): "unary_stream",
    (True, False): "stream_unary",
    (True, True): "stream_stream",
}


class _Call:
    """The scope of one call: what is set up before the handler and told after it."""

    def __init__(self, method: str, kind: str, context: _Context) -> None:
        _, service, name = method.split("/", 2)
        self._labels = (kind, service, name)
        # Health and load are asked for every second; a line for each would hide the rest.
        self._quiet = service.startswith("grpc.") or name == "GetRuntime"
        self._context = context
        self._started = time.monotonic()
        self._request_id = _request_id(context)
        # Read now: when a generator is closed late, its call is gone, and asking the context for the peer of
        # a call that is gone ends the process with a segmentation fault.
        self._peer = context.peer()
        remaining = context.time_remaining()
        self._deadline = self._started + remaining if remaining is not None else None

    async def __aenter__(self) -> None:
        # Every call has a task of its own, so that nothing needs to be set back.
        telemetry.request_id.set(self._request_id)
        structlog.contextvars.bind_contextvars(request_id=self._request_id)
        telemetry.CALLS_STARTED.labels(*self._labels).inc()
        telemetry.CALLS_OPEN.labels(*self._labels).inc()
        await self._context.send_initial_metadata(((REQUEST_ID, self._request_id),))

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        failure = self._failure(error)
        code = failure.status if failure else self._code(error)
        self._tell(code, failure.reason if failure else "")
        if failure is not None and isinstance(error, Exception):
            await self._context.abort_with_status(rpc_status.to_status(to_status(failure)))

    def _failure(self, error: BaseException | None) -> ServiceError | None:
        """Gives what the caller is told; None if the call ended well or nobody is there to be told."""
        if error is None or isinstance(error, grpc.aio.AbortError | asyncio.CancelledError | GeneratorExit):
            return None
        known = _service_error(error)
        if known is not None:
            return known
        if isinstance(error, TimeoutError):
            return DeadlineExceeded("the call took too long")
        _log.error("rpc_failed", method="/".join(self._labels[1:]), exc_info=error)
        return Internal("internal error")

    def _code(self, error: BaseException | None) -> grpc.StatusCode:
        if error is None:
            return grpc.StatusCode.OK
        if isinstance(error, grpc.aio.AbortError):
            return _status_code(self._context.code())
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED

    def _tell(self, code: grpc.StatusCode, reason: str) -> None:
        seconds = time.monotonic() - self._started
        telemetry.CALLS_OPEN.labels(*self._labels).dec()
        telemetry.CALLS_HANDLED.labels(*self._labels, code.name, reason).inc()
        telemetry.CALL_SECONDS.labels(*self._labels).observe(seconds)
        tell = _log.debug if self._quiet else _log.info
        tell(
            "rpc",
            method="/".join(self._labels[1:]),
            code=code.name,
            reason=reason,
            seconds=round(seconds, 3),
            peer=self._peer,
            request_id=self._request_id,
        )


def _request_id(context: _Context) -> str:
    """Gives the caller's id, or a new one where it sent none that is safe to log."""
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID and isinstance(value, str) and _USABLE_ID.fullmatch(value):
            return value
    return uuid.uuid4().hex


def _service_error(error: BaseException) -> ServiceError | None:
    """Finds the `ServiceError` in an error, also inside the group that a TaskGroup makes of it."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_service_error, error.exceptions)), None)
    return error if isinstance(error, ServiceError) else None


def _status_code(code: Any) -> grpc.StatusCode:
    """Gives the code of a context, which is an int once the call was aborted."""
    return next((each for each in grpc.StatusCode if code in (each, each.value[0])), grpc.StatusCode.UNKNOWN)
