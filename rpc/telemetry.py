"""What a process tells about itself: log lines with the request's id, metrics, the lag of its event loop."""

import asyncio
import collections
import contextlib
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar

import prometheus_client
import structlog
from prometheus_client import Counter, Gauge, Histogram

from rpc.transport import CannotListen

request_id: ContextVar[str] = ContextVar("request_id", default="")

_LABELS = ("grpc_type", "grpc_service", "grpc_method")
CALLS_STARTED = Counter("grpc_server_started", "Calls begun.", _LABELS)
CALLS_HANDLED = Counter("grpc_server_handled", "Calls ended, by code and slug.", (*_LABELS, "grpc_code", "reason"))
CALL_SECONDS = Histogram(
    "grpc_server_handling_seconds",
    "Time from the start of a call to its end.",
    _LABELS,
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200),
)
CALLS_OPEN = Gauge("grpc_server_open", "Calls open now.", _LABELS)
STREAMS_OPEN = Gauge("rpc_streams_open", "Streams open now that count against the limit.")
STREAM_LIMIT = Gauge("rpc_stream_limit", "Streams that may be open at once.")
LOOP_LAG = Gauge("event_loop_lag_seconds", "Longest delay of a timer on the event loop in the last 15 seconds.")

_LAG_PERIOD = 0.25
_LAG_WINDOW = 60  # periods: 15 seconds


def configure_logging(*, level: str = "info", as_json: bool = False) -> None:
    """Sets up structlog and the standard library's logging, whose lines pass through the same processors."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if as_json:
        final: list[structlog.types.Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    else:
        # Plain: a rich traceback prints local variables, and those may hold keys and what people said.
        plain = structlog.dev.plain_traceback
        final = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


async def watch_loop_lag() -> None:
    """Measures the lag of the running event loop until it is cancelled."""
    lags: collections.deque[float] = collections.deque(maxlen=_LAG_WINDOW)
    while True:
        before = time.monotonic()
        await asyncio.sleep(_LAG_PERIOD)
        lags.append(max(0.0, time.monotonic() - before - _LAG_PERIOD))
        LOOP_LAG.set(max(lags))


@contextlib.asynccontextmanager
async def metrics_server(host: str, port: int | None) -> AsyncIterator[int | None]:
    """Serves /metrics from a thread of its own, so that a busy loop can still be looked into; gives the port.

    Raises `CannotListen`.
    """
    if port is None:
        yield None
        return
    try:
        server, thread = prometheus_client.start_http_server(port, addr=host)
    except OSError as error:
        raise CannotListen(f"{host}:{port}") from error
    try:
        yield int(server.server_port)
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()
