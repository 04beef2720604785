"""The one sentence that every stream speaks: config, payload*, finish; and back: numbered events."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from rpc.errors import Aborted, InvalidArgument


class ConfigFirst(InvalidArgument):
    """A stream began with something else than its config."""

    reason = "config_first"


class ConfigTwice(InvalidArgument):
    """A second config came."""

    reason = "config_twice"


class EmptyRequest(InvalidArgument):
    """A message with no payload came, or one that this server does not know."""

    reason = "empty_request"


class AfterFinish(InvalidArgument):
    """A message came after `finish`."""

    reason = "after_finish"


Config = TypeVar("Config")
Request = TypeVar("Request", bound=Message)  # its oneof has at least the cases `config` and `finish`


class Inbound(Generic[Config, Request]):
    """Reads the requests of one stream; the only place that touches the iterator of a servicer.

    `config()` once and first, then `async for` over the requests between config and `finish`. The loop ends
    only at `finish`. A client that is cancelled, killed or out of time looks to grpc.aio as if it had closed
    its side in good order: the iterator just ends, and `CancelledError` comes at a later suspension. So a
    stream that ends without `finish` raises `Aborted` here, and nothing of it may be made final or charged.
    """

    def __init__(self, requests: AsyncIterator[Request], *, payload: str = "payload") -> None:
        self._requests = requests
        self._payload = payload
        self._configured = False
        self.finished = False

    async def config(self) -> Config:
        """Gives the config, which must be the first message. Raises `ConfigFirst`, `Aborted`."""
        request = await self._next()
        if self._case(request) != "config":
            raise ConfigFirst("the first message of a stream must be its config")
        self._configured = True
        config: Config = getattr(request, "config")  # noqa: B009 - what `Message` knows of it is only its name
        return config

    def __aiter__(self) -> AsyncIterator[Request]:
        return self

    async def __anext__(self) -> Request:
        """Gives the next request. Raises `ConfigFirst`, `ConfigTwice`, `EmptyRequest`, `AfterFinish`, `Aborted`."""
        if not self._configured:
            raise ConfigFirst("the config of a stream must be read first")
        if self.finished:
            return await self._after_finish()
        request = await self._next()
        case = self._case(request)
        if case == "finish":
            self.finished = True
            raise StopAsyncIteration
        if case == "config":
            raise ConfigTwice("a stream has one config")
        return request

    async def _next(self) -> Request:
        try:
            return await anext(self._requests)
        except StopAsyncIteration:
            # One turn of the loop lets a cancellation that is under way arrive as what it is.
            await asyncio.sleep(0)
            raise Aborted("the stream ended without finish") from None

    async def _after_finish(self) -> Request:
        await anext(self._requests)
        raise AfterFinish("nothing may follow finish")

    def _case(self, request: Request) -> str:
        case: str | None = request.WhichOneof(self._payload)
        if case is None:
            raise EmptyRequest(f"a message needs one of the cases of {self._payload}")
        return case


class Sequence:
    """Numbers the events of one stream: 1, 2, 3 and so on, without gaps."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def next(self) -> int:
        """Gives the next number."""
        return next(self._numbers)


class Numbered(Protocol):
    """An event with a field `sequence`."""

    sequence: int


Event = TypeVar("Event", bound=Numbered)


async def numbered(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    """Passes the events on with `sequence` set to 1, 2, 3 and so on; ends `events` when it is ended itself."""
    sequence = Sequence()
    try:
        async for event in events:
            event.sequence = sequence.next()
            yield event
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()
