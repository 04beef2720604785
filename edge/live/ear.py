"""What a client sends up: which dialect it speaks, its options, its audio, and how it ends."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import WSMessage, WSMsgType, web

from edge.errors import ApiError, BadRequest, TooLarge
from edge.live.config import LiveOptions, from_message, parse_message
from edge.live.patience import Patience

IDLE_SECONDS = 60.0
"""A stream without audio for so long is made final and closed."""
MAX_FRAME_BYTES = 1 << 20

Dialect = Literal["page", "sdk"]
"""`page`: a config first, `stop` last. `sdk`: no config, an empty frame last, the whole text in the last answer."""


class ClientGone(Exception):
    """The client closed the socket or vanished."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a stream began."""

    dialect: Dialect
    options: LiveOptions
    first: bytes = b""
    """Audio that came with it."""
    over: bool = False
    """Whether it ended before it began."""


class Ear:
    """Reads one socket. Mistakes that do not end the stream go to `complain`."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        *,
        complain: Callable[[ApiError], Awaitable[None]],
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._ws = ws
        self._complain = complain
        self._patience = Patience(idle_seconds)

    async def opening(self, offered: LiveOptions) -> Opening:
        """The first frame decides: a text with a config is the page's dialect, audio is the SDK's.

        Raises `BadRequest`, `TooLarge`, `ClientGone`.
        """
        since = time.monotonic()
        while True:
            received = await self._receive(since)
            if received is None:
                return Opening("page", offered, over=True)
            if received.type is WSMsgType.BINARY:
                return Opening("sdk", offered, received.data, over=not received.data)
            try:
                message = parse_message(received.data)
            except BadRequest as error:
                await self._complain(error)
                continue
            if "action" in message:
                over = message["action"] == "stop"
                if not over:
                    await self._complain(_unknown(message["action"]))
                    continue
                return Opening("page", offered, over=True)
            return Opening("page", from_message(message, offered))

    async def audio(self, opening: Opening) -> AsyncGenerator[bytes, None]:
        """Frames as they come, until the client says stop or says nothing for too long.

        Raises `TooLarge`, `ClientGone`.
        """
        if opening.over:
            return
        if opening.first:
            yield opening.first
        since = time.monotonic()
        while (received := await self._receive(since)) is not None:
            if received.type is WSMsgType.BINARY:
                if received.data:
                    yield received.data
                    since = time.monotonic()
                elif opening.dialect == "sdk":
                    return
            elif await self._is_stop(received.data):
                return

    async def closing(self) -> None:
        """Drop whatever still comes, until the client is gone."""
        self._patience.close()
        while True:
            self._checked(await self._ws.receive())

    def close(self) -> None:
        """Nothing is read any more."""
        self._patience.close()

    async def _is_stop(self, text: str) -> bool:
        try:
            action = parse_message(text).get("action")
        except BadRequest as error:
            await self._complain(error)
            return False
        if action != "stop":
            await self._complain(_unknown(action))
        return bool(action == "stop")

    async def _receive(self, since: float) -> WSMessage | None:
        """The next text or audio; None if none came for too long."""
        try:
            return self._checked(await self._patience.wait(self._ws.receive(), since=since))
        except TimeoutError:
            return None

    @staticmethod
    def _checked(received: WSMessage) -> WSMessage:
        if received.type not in {WSMsgType.BINARY, WSMsgType.TEXT}:
            raise ClientGone
        if len(received.data) > MAX_FRAME_BYTES:
            raise TooLarge(f"A frame may have at most {MAX_FRAME_BYTES} bytes.", code="frame_too_large")
        return received


def _unknown(action: object) -> BadRequest:
    return BadRequest(f"Unknown action {str(action)[:50]!r}. Valid actions: stop.", code="unknown_action")
