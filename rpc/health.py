"""Health of a process by name, as the standard gRPC health service tells it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

OVERALL = ""
"""The name that stands for all others together."""
LIVE = "live"
"""The name that is served as long as the event loop answers: for liveness probes."""

_log = structlog.get_logger(__name__)


class Health:
    """Which names are served: one for each service and one for each model.

    A name is served when the process is ready (a real inference has run), it was not set to False, the last
    check says nothing against it, and the process is not draining. `check` gives what the service finds out
    about itself, such as a queue whose oldest entry is too old; a name that it leaves out is fine.
    """

    def __init__(self, *names: str, check: Callable[[], Mapping[str, bool]] | None = None) -> None:
        self._set: dict[str, bool] = dict.fromkeys(names, True)
        self._checked: Mapping[str, bool] = {}
        self._check = check
        self._ready = False
        self.draining = False
        self._changed = asyncio.Event()

    @property
    def names(self) -> tuple[str, ...]:
        """All names but the two that every process has."""
        return tuple(self._set)

    def set(self, name: str, serving: bool) -> None:
        """Says that a name is served, or that it is not; adds the name if it is new."""
        self._set[name] = serving
        self._notify()

    def ready(self) -> None:
        """Says that the process can serve."""
        self._ready = True
        self._notify()

    def drain(self) -> None:
        """Says that the process is going away, for good; open `Watch` streams tell so and end."""
        self.draining = True
        self._notify()

    def serving(self, name: str) -> bool | None:
        """Tells whether a name is served; None: there is no such name."""
        if name == LIVE:
            return True
        if name != OVERALL and name not in self._set:
            return None
        if not self._ready or self.draining:
            return False
        if name == OVERALL:
            return all(self._state(each) for each in self._set)
        return self._state(name)

    async def watch(self, *, seconds: float) -> None:
        """Runs the check every so many seconds until it is cancelled."""
        while self._check is not None:
            try:
                checked: Mapping[str, bool] = dict(self._check())
            except Exception:
                # A check that fails says nothing good about the service, and must not end the watch over it.
                _log.exception("health_check_failed")
                checked = dict.fromkeys(self._set, False)
            if checked != self._checked:
                for name, serving in checked.items():
                    if serving != self._checked.get(name, True):
                        _log.warning("health_changed", name=name, serving=serving)
                self._checked = checked
                self._notify()
            await asyncio.sleep(seconds)

    async def changes(self, name: str) -> AsyncIterator[bool | None]:
        """Gives the state of a name now and whenever it changes; ends when the process drains."""
        last: object = self  # like no state
        while True:
            changed = self._changed
            state = self.serving(name)
            if state != last:
                yield state
                last = state
            if self.draining:
                return
            await changed.wait()

    def _state(self, name: str) -> bool:
        return self._set[name] and self._checked.get(name, True)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # the package has no types
    """The standard service over a `Health`.

    The servicer of grpcio-health-checking is not used, because its `Watch` streams never end: every stop of
    a watched server would take the whole time that is granted to open streams.
    """

    def __init__(self, health: Health) -> None:
        self._health = health

    async def Check(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse],
    ) -> health_pb2.HealthCheckResponse:
        """Tells the state of one name; NOT_FOUND if there is no such name."""
        serving = self._health.serving(request.service)
        if serving is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return health_pb2.HealthCheckResponse(status=_status(serving))

    async def List(
        self,
        request: health_pb2.HealthListRequest,
        context: grpc.aio.ServicerContext[health_pb2.HealthListRequest, health_pb2.HealthListResponse],
    ) -> health_pb2.HealthListResponse:
        """Tells the state of every name."""
        return health_pb2.HealthListResponse(
            statuses={
                name: health_pb2.HealthCheckResponse(status=_status(self._health.serving(name)))
                for name in _all(self._health)
            }
        )

    async def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse],
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Tells the state of one name now and whenever it changes."""
        async for serving in self._health.changes(request.service):
            yield health_pb2.HealthCheckResponse(status=_status(serving))


def _all(health: Health) -> Iterable[str]:
    return (OVERALL, LIVE, *health.names)


def _status(serving: bool | None) -> Any:
    if serving is None:
        return health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    return health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
