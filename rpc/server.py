"""A gRPC server from start to drain: health, reflection, keepalive, signals, metrics."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator

import grpc.aio
import structlog
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from rpc import telemetry
from rpc.health import Health, HealthServicer
from rpc.interceptors import Admission, Calls
from rpc.settings import ServerSettings
from rpc.transport import CannotListen, listen, server_options

Register = Callable[[grpc.aio.Server], None]

_log = structlog.get_logger(__name__)


async def serve(
    settings: ServerSettings,
    *,
    register: Register,
    health: Health,
    ready: Callable[[], Awaitable[None]],
    on_drain: Callable[[], None] | None = None,
) -> int:
    """Serves until SIGTERM or SIGINT, then drains; gives the exit code of the process.

    `register` adds the servicers. `ready` loads what is needed and runs one real inference; until it returns
    every name is NOT_SERVING, and if it raises the process ends with code 1. `on_drain` is called once, when
    the drain begins: sessions tell their clients. The order of a drain: health says NOT_SERVING, calls are
    still taken for `drain_notice_seconds`, then open streams go on for at most `drain_seconds`. A second
    signal ends the process at once.
    """
    stop = asyncio.Event()
    try:
        with _signals(stop):
            async with (
                telemetry.metrics_server(settings.host, settings.metrics_port) as metrics_port,
                _started(settings, register=register, health=health) as (server, port),
                _background(telemetry.watch_loop_lag(), health.watch(seconds=settings.watchdog_seconds)),
            ):
                _log.info("listening", host=settings.host, port=port, metrics_port=metrics_port)
                if not await _become_ready(ready, stop=stop):
                    return 0 if stop.is_set() else 1
                health.ready()
                _log.info("serving", names=health.names)
                await stop.wait()
                _log.info("draining", seconds=settings.drain_seconds)
                health.drain()
                if on_drain is not None:
                    on_drain()
                await asyncio.sleep(settings.drain_notice_seconds)
                await server.stop(settings.drain_seconds)
                _log.info("drained")
    except CannotListen as error:
        _log.error("cannot_listen", problem=str(error))
        return 1
    return 0


@contextlib.asynccontextmanager
async def running_server(
    register: Register, *, settings: ServerSettings | None = None, health: Health | None = None
) -> AsyncIterator[str]:
    """Runs a server inside this event loop, with all that `serve` has but signals; gives its `host:port`.

    For tests and for a service that lives in the process of another. Without `health` it is ready at once.
    """
    settings = settings or ServerSettings()
    if health is None:
        health = Health()
        health.ready()
    async with (
        _started(settings, register=register, health=health) as (_, port),
        _background(health.watch(seconds=settings.watchdog_seconds)),
    ):
        yield f"{settings.host}:{port}"
        health.drain()


@contextlib.asynccontextmanager
async def _started(
    settings: ServerSettings, *, register: Register, health: Health
) -> AsyncIterator[tuple[grpc.aio.Server, int]]:
    admission = Admission(limit=settings.stream_limit, retry_after=settings.stream_retry_seconds)
    server = grpc.aio.server(interceptors=(Calls(admission),), options=server_options(settings))
    register(server)
    health_pb2_grpc.add_HealthServicer_to_server(HealthServicer(health), server)
    if settings.reflection:
        reflection.enable_server_reflection(_service_names(health), server)
    port = listen(server, settings)
    async with contextlib.AsyncExitStack() as stack:
        if settings.probe_port is not None:
            probes = grpc.aio.server(options=server_options(settings))
            health_pb2_grpc.add_HealthServicer_to_server(HealthServicer(health), probes)
            listen(probes, settings, probes=True)
            await probes.start()
            stack.push_async_callback(probes.stop, None)
        await server.start()
        stack.push_async_callback(server.stop, None)
        yield server, port


def _service_names(health: Health) -> Iterator[str]:
    """Gives the names that are services of the descriptor pool: models have names in `Health` too."""
    yield reflection.SERVICE_NAME
    yield health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    for name in health.names:
        with contextlib.suppress(KeyError):
            yield descriptor_pool.Default().FindServiceByName(name).full_name


@contextlib.asynccontextmanager
async def _background(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _become_ready(ready: Callable[[], Awaitable[None]], *, stop: asyncio.Event) -> bool:
    """Runs `ready` unless the process is told to stop meanwhile; tells whether it came to an end, and well."""
    loading = asyncio.ensure_future(ready())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not loading.done():
            return False
        if (error := loading.exception()) is not None:
            _log.error("not_ready", exc_info=error)
            return False
        return True
    finally:
        loading.cancel()
        stopping.cancel()
        await asyncio.gather(loading, stopping, return_exceptions=True)


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Sets `stop` at the first SIGTERM or SIGINT; the second ends the process, whatever its threads are at."""
    loop = asyncio.get_running_loop()

    def arrived(number: int) -> None:
        if stop.is_set():
            _log.warning("stopped_at_once", signal=signal.Signals(number).name)
            sys.stderr.flush()
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, arrived, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
