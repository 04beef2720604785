"""The replicas of one service: which are healthy, how busy each is, and which takes the next stream."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping

import grpc.aio
import structlog

from edge.convert import Runtime
from edge.errors import ServiceUnavailable
from rpc.client import Channels
from rpc.errors import Overloaded, ServiceError

FRESH_SECONDS = 1.0
"""How long a look at the replicas counts."""
STALE_SECONDS = 10.0
"""How long it counts while a new look goes on."""
LOOK_SECONDS = 2.0
"""A replica that does not answer within this time is taken for dead."""

_log = structlog.get_logger(__name__)


class Replicas:
    """Looks at all replicas at most once a second, however many callers ask, and spreads streams by load."""

    def __init__(
        self, service: str, channels: Channels, *, name: str, ask: Callable[[grpc.aio.Channel], Awaitable[Runtime]]
    ) -> None:
        self.name = name
        """What the service is called in messages: `transcription`."""
        self._service = service
        self._channels = channels
        self._ask = ask
        self._seen: dict[str, Runtime] = {}
        self._looked = -STALE_SECONDS
        self._doubted = False
        self._looking: asyncio.Future[None] | None = None
        self._opened: Counter[str] = Counter()
        """Streams opened since the last look, which the replicas had not counted then."""

    async def look(self, *, fresh: bool = False) -> Mapping[str, Runtime]:
        """The healthy replicas and what they say of themselves; empty when none is.

        What was seen a few seconds ago is given at once while a new look goes on, so that one
        replica that is frozen delays nobody; `fresh` waits for the new look.
        """
        age = time.monotonic() - self._looked
        if self._looking is None and (age >= FRESH_SECONDS or self._doubted):
            self._doubted = False
            self._looking = asyncio.ensure_future(self._refresh())
            self._looking.add_done_callback(self._forget_look)
        if self._looking is not None and (fresh or age >= STALE_SECONDS or not self._seen):
            await asyncio.shield(self._looking)
        return self._seen

    async def check(self, *, live: bool = False) -> Mapping[str, Runtime]:
        """The healthy replicas, if one would take a stream now. Raises `ServiceUnavailable`, `Overloaded`.

        That none would is believed for a little longer than other news: whoever is refused should not wait for it.
        """
        seen = await self.look()
        if time.monotonic() - self._looked >= 2 * FRESH_SECONDS:
            seen = await self._with_room(live=live)
        self._choices(seen, avoid=(), live=live)
        return seen

    async def choose(self, *, avoid: Collection[str] = (), live: bool = False) -> str:
        """Address of the replica with the most room; those to `avoid` only if there is no other.

        Live work goes before recordings, so that it needs no room in the queue.
        Raises `ServiceUnavailable`, `Overloaded`.
        """
        seen = await self._with_room(live=live)
        choices = self._choices(seen, avoid=avoid, live=live)
        return min(choices, key=lambda address: self._weight(address, seen[address]))

    async def _with_room(self, *, live: bool) -> Mapping[str, Runtime]:
        """What was seen last, or what is to be seen now if no replica had room then."""
        seen = await self.look()
        return seen if any(runtime.takes(live=live) for runtime in seen.values()) else await self.look(fresh=True)

    def channel(self, address: str) -> grpc.aio.Channel:
        """The channel to a replica, for a stream that counts as its load from now on."""
        self._opened[address] += 1
        return self._channels.at(address)

    def suspect(self, address: str) -> None:
        """A stream on this replica failed: others are better until the next look, which is due."""
        self._doubted = True
        if len(self._seen) > 1:
            self._seen.pop(address, None)

    async def close(self) -> None:
        """Close all channels."""
        if self._looking is not None:
            self._looking.cancel()
        await self._channels.close()

    def _weight(self, address: str, runtime: Runtime) -> tuple[float, float]:
        streams = runtime.streams + self._opened[address]
        return (runtime.queue_delay, streams / max(1, runtime.stream_limit))

    def _choices(self, seen: Mapping[str, Runtime], *, avoid: Collection[str], live: bool) -> list[str]:
        if not seen:
            raise ServiceUnavailable(f"No {self.name} service is available now.", code=f"{self.name}_unavailable")
        free = [address for address, runtime in seen.items() if runtime.takes(live=live)]
        if not free:
            wait = min(runtime.queue_delay for runtime in seen.values())
            raise Overloaded(f"The {self.name} service has no room now.", retry_after=max(1.0, 0.1 * wait))
        return [address for address in free if address not in avoid] or free

    async def _refresh(self) -> None:
        health = await self._channels.health(self._service, seconds=LOOK_SECONDS)
        healthy = [address for address, serving in health.items() if serving]
        answers = await asyncio.gather(*(self._asked(address) for address in healthy))
        self._seen = {address: answer for address, answer in zip(healthy, answers, strict=True) if answer is not None}
        self._opened.clear()
        self._looked = time.monotonic()

    async def _asked(self, address: str) -> Runtime | None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._ask(self._channels.at(address))
        except (grpc.aio.AioRpcError, ServiceError, TimeoutError) as error:
            _log.warning("replica_silent", service=self.name, address=address, error=type(error).__name__)
            return None

    def _forget_look(self, _: asyncio.Future[None]) -> None:
        self._looking = None
