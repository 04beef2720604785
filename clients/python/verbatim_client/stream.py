"""The live side: audio up from any thread, messages down to a callback, the transcript at the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import websocket

from verbatim_client.errors import VerbatimError, error_from

Message = dict[str, Any]


class Stream:
    """One live stream of signed 16-bit mono PCM; use it as a context.

    `on_message` is called, in a thread of the stream, with every message of the server; set it before entering.
    """

    def __init__(self, url: str, *, key: str, options: Message, timeout: float) -> None:
        self._url = url.replace("http", "ws", 1) + "/v1/stream"
        self._key = key
        self._options = options
        self._timeout = timeout
        self._socket: websocket.WebSocket | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._ready = threading.Event()
        self._error: VerbatimError | None = None
        self.segments: list[Message] = []
        self.on_message: Callable[[Message], None] = lambda _: None

    def __enter__(self) -> Stream:
        """Connect, send the config and wait until the server is ready. Raises `VerbatimError`."""
        headers = [f"Authorization: Bearer {self._key}"] if self._key else []
        try:
            self._socket = websocket.create_connection(self._url, header=headers, timeout=self._timeout)
        except websocket.WebSocketBadStatusException as error:
            body = json.loads(error.resp_body or b"{}")
            raise error_from(error.status_code, body, (error.resp_headers or {}).get("retry-after")) from None
        self._socket.send(json.dumps(self._options))
        self._reader.start()
        self._ready.wait(self._timeout)
        self._check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the socket; what was not finished is left."""
        if self._socket is not None:
            self._socket.close()
        self._reader.join(self._timeout)

    def send(self, pcm: bytes) -> None:
        """Send audio. Raises `VerbatimError` if the server has ended the stream."""
        self._check()
        self._connected.send_binary(pcm)

    def finish(self) -> str:
        """End the audio, wait for all finals, and give the whole text. Raises `VerbatimError`."""
        self._connected.send(json.dumps({"action": "stop"}))
        self._reader.join(self._timeout)
        self._check()
        return " ".join(segment["text"] for segment in self.segments)

    @property
    def _connected(self) -> websocket.WebSocket:
        if self._socket is None:
            raise RuntimeError("enter the stream first")
        return self._socket

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _read(self) -> None:
        try:
            while text := self._connected.recv():
                message = json.loads(text)
                if message.get("error"):
                    self._error = error_from(int(message.get("status", 400)), message)
                if message.get("status") == "ready":
                    self._ready.set()
                if message["text"]:
                    self.segments.append(message)
                self.on_message(message)
        except (websocket.WebSocketException, OSError) as error:
            if self._error is None and not isinstance(error, websocket.WebSocketConnectionClosedException):
                self._error = VerbatimError(str(error))
        finally:
            self._ready.set()
