"""Houses for faults: real processes, a scripted engine, bounds short enough to be met."""

import contextlib
import json
import socket
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests

from tests.house import House

RATE = 16_000
SETTINGS = {
    "TRANSCRIPTION_ENGINE": "scripted",
    "EDGE_HEADER_SECONDS": "2",
    "EDGE_BODY_IDLE_SECONDS": "3",
    "EDGE_SHUTDOWN_SECONDS": "2",
    "TRANSCRIPTION_DRAIN_SECONDS": "1",
}


def slow_script(seconds_per_window: float) -> dict[str, str]:
    """Settings for an engine whose every call takes so long."""
    return {"TRANSCRIPTION_SCRIPT": json.dumps({"delay_seconds": seconds_per_window, "max_batch": 1, "workers": 1})}


def eventually(holds: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait until it holds; the bound is for a broken house, not a speed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"never came true: {what}")


def post(house: House, file: Path, **fields: str) -> requests.Response:
    """The documented call."""
    with file.open("rb") as audio:
        data = {"diarize": "false", **fields}
        return requests.post(f"{house.url}/v1/transcribe", files={"file": (file.name, audio)}, data=data, timeout=120)


def works(house: House, file: Path) -> None:
    """The next request is served as if nothing had been."""
    reply = post(house, file)
    assert reply.status_code == 200, reply.text
    assert reply.json()["text"]


def request_head(length: int | None, *, extra: str = "", boundary: str | None = "b") -> bytes:
    """The head of an upload written by hand."""
    kind = f"multipart/form-data; boundary={boundary}" if boundary else "multipart/form-data"
    size = f"Content-Length: {length}\r\n" if length is not None else ""
    return f"POST /v1/transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{size}{extra}\r\n".encode()


def file_part(body: bytes, *, boundary: str = "b") -> bytes:
    """One file part and the end of the form."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'.encode()
    return head + body + f"\r\n--{boundary}--\r\n".encode()


@contextlib.contextmanager
def connected(house: House) -> Iterator[socket.socket]:
    """A raw connection to the edge."""
    with socket.create_connection(("127.0.0.1", house.edge.port), timeout=60) as connection:
        yield connection


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """The status of the answer, 0 if the edge closed without one, and all it sent."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            received += data
            head, _, body = received.partition(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if lengths and len(body) >= int(lengths[0].split(b":")[1]):
                break
    return (int(received.split()[1]), received) if received else (0, b"")


def held(house: House) -> tuple[int, int]:
    """Files without a name that are open in the edge, its own log aside, and its child processes."""
    process = psutil.Process(house.edge.pid)
    files = [file for file in Path(f"/proc/{process.pid}/fd").iterdir() if int(file.name) > 2]
    deleted = [file for file in files if "(deleted)" in readlink(file)]
    return len(deleted), len(process.children(recursive=True))


def readlink(path: Path) -> str:
    """Where a link points, or nothing if it is gone."""
    try:
        return str(path.readlink())
    except OSError:
        return ""


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of loud noise in bursts, which the scripted engine takes for words."""
    return write_wave(tmp_path_factory.mktemp("audio") / "tone.wav", 6.0)


@pytest.fixture(scope="session")
def long_tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four minutes of the same."""
    return write_wave(tmp_path_factory.mktemp("audio") / "long.wav", 240.0)


def write_wave(path: Path, seconds: float) -> Path:
    """Bursts of noise with a pause each three seconds."""
    draw = np.random.default_rng(7)
    pcm = (draw.normal(0, 6000, int(seconds * RATE))).clip(-32768, 32767).astype(np.int16)
    for start in range(0, len(pcm), 3 * RATE):
        pcm[start : start + RATE // 2] = 0
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(pcm.tobytes())
    return path
