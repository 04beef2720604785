"""The REST side: one method a route."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from verbatim_client.errors import Unavailable, error_from
from verbatim_client.stream import Stream

Answer = dict[str, Any]


class Client:
    """Talks to one server. `tries` is how often a request that finds no service is sent, under one idempotency key."""

    def __init__(
        self, url: str = "http://127.0.0.1:8080", *, key: str = "", timeout: float = 600, tries: int = 3
    ) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self.timeout = timeout
        self.tries = tries
        self._session = requests.Session()
        if key:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def transcribe(self, path: str | Path, *, response_format: str = "json", **options: Any) -> Any:
        """Transcribe a recording: an object for `json`, text for the other formats.

        `options` are the fields of the form: model, language, diarize, speakers, hotwords, prompt.
        Raises `VerbatimError`.
        """
        answer = self._retried(
            lambda headers: self._post(path, {**options, "response_format": response_format}, headers)
        )
        return answer.json() if response_format in {"json", "verbose_json"} else answer.text

    def follow(self, path: str | Path, **options: Any) -> Iterator[tuple[str, Answer]]:
        """The same while it goes on: `segment` and `progress` events, `result` last. Raises `VerbatimError`."""
        headers = {"Accept": "text/event-stream"}
        with self._checked(self._post(path, options, headers, stream=True)) as answer:
            event = ""
            # Lines end where the server ends them: splitting at every Unicode break would cut a text.
            for raw in answer.iter_lines(delimiter=b"\n"):
                line = raw.decode()
                if line.startswith("event: "):
                    event = line[len("event: ") :]
                elif line.startswith("data: "):
                    data = json.loads(line[len("data: ") :])
                    if event == "error":
                        raise error_from(503, data)
                    yield event, data

    def summarize(self, text: str, *, style: str = "brief", language: str = "") -> Answer:
        """Summarize a transcript. Raises `VerbatimError`."""
        body = {"text": text, "style": style, "language": language}
        return self._json(
            self._retried(lambda headers: self._send("POST", "/v1/summarize", json=body, headers=headers))
        )

    def models(self) -> list[Answer]:
        """The models of the server."""
        return list(self._json(self._send("GET", "/v1/models"))["models"])

    def languages(self) -> list[Answer]:
        """The languages that models understand."""
        return list(self._json(self._send("GET", "/v1/languages"))["languages"])

    def health(self) -> Answer:
        """How the services are; a degraded server tells so in `status`."""
        return dict(self._session.get(f"{self.url}/health", timeout=self.timeout).json())

    def stream(self, **options: Any) -> Stream:
        """A live stream. `options` are the keys of the config: model, language, diarize, sample_rate and so on."""
        return Stream(self.url, key=self.key, options=options, timeout=self.timeout)

    def _post(
        self, path: str | Path, options: Answer, headers: dict[str, str], *, stream: bool = False
    ) -> requests.Response:
        fields = {name: _field(value) for name, value in options.items()}
        with Path(path).open("rb") as file:
            files = {"file": (Path(path).name, file)}
            return self._send("POST", "/v1/transcribe", data=fields, files=files, headers=headers, stream=stream)

    def _retried(self, send: Any) -> requests.Response:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        for left in reversed(range(self.tries)):
            try:
                return self._checked(send(headers))
            except Unavailable as error:
                if not left:
                    raise
                time.sleep(min(error.retry_after or 1, 30))
        raise ValueError("tries must be at least 1")

    def _send(self, method: str, path: str, **request: Any) -> requests.Response:
        return self._session.request(method, f"{self.url}{path}", timeout=self.timeout, **request)

    def _json(self, response: requests.Response) -> Answer:
        return dict(self._checked(response).json())

    @staticmethod
    def _checked(response: requests.Response) -> requests.Response:
        if response.ok:
            return response
        try:
            body = response.json()
        except ValueError:
            body = {"error": response.text}
        raise error_from(response.status_code, body, response.headers.get("Retry-After"))


def _field(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
