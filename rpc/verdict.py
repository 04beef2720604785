"""Channels whose streams end with the verdict of the server, also when they were sending at that moment."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
import grpc.aio

Request = TypeVar("Request")
Response = TypeVar("Response")

_PATIENCE_SECONDS = 10.0
"""A status that the server sent is here within milliseconds of the message that failed."""


class VerdictChannel(grpc.aio.Channel):
    """Passes everything on to a channel of grpc.aio, and mends the streams that it opens.

    When a server ends a stream while the client sends, the message fails. grpc.aio (1.85) then declares the call
    INTERNAL, "Internal error from Core", and drops the status that the server did send, with all its details: a
    refusal looks like a fault, the more often the more is sent (measured: up to 4 % of refused streams that send
    one message). It is issue 36066 of grpc/grpc, mended by its pull request 43486; with that released, this goes.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    def stream_stream(self, *args: Any, **kwargs: Any) -> grpc.aio.StreamStreamMultiCallable[Request, Response]:
        """Opens streams both ways."""
        return _Mended(self._channel.stream_stream(*args, **kwargs))  # type: ignore[return-value]

    def stream_unary(self, *args: Any, **kwargs: Any) -> grpc.aio.StreamUnaryMultiCallable[Request, Response]:
        """Opens streams of requests."""
        return _Mended(self._channel.stream_unary(*args, **kwargs))  # type: ignore[return-value]

    def unary_stream(self, *args: Any, **kwargs: Any) -> grpc.aio.UnaryStreamMultiCallable[Request, Response]:
        """Opens streams of responses."""
        return self._channel.unary_stream(*args, **kwargs)

    def unary_unary(self, *args: Any, **kwargs: Any) -> grpc.aio.UnaryUnaryMultiCallable[Request, Response]:
        """Makes single calls."""
        return self._channel.unary_unary(*args, **kwargs)

    async def close(self, grace: float | None = None) -> None:
        """Closes the channel; calls that are open end after the grace."""
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Tells the state of the connection."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Waits for another state."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Waits for a connection."""
        await self._channel.channel_ready()

    async def __aenter__(self) -> "VerdictChannel":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Mended:
    """Makes calls whose core half does not take a failed message for the end."""

    def __init__(self, opening: Callable[..., Any]) -> None:
        self._opening = opening

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = self._opening(*args, **kwargs)
        # Nothing has run yet: the tasks of the call start at the next turn of the loop.
        call._cython_call = _Patient(call._cython_call)
        return call


class _Patient:
    """The core half of a call, all but its hurry."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def set_internal_error(self, problem: str) -> None:
        """Leaves the status to the server; one that never comes is given up, so that nobody waits for ever."""
        asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._give_up, problem)

    def _give_up(self, problem: str) -> None:
        if not self._call.done():
            self._call.set_internal_error(problem)
