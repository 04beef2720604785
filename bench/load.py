"""Posts recordings and measures: wall seconds of each, and of the processes their CPU and memory."""

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.house import Process


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request brought."""

    status: int
    wall: float
    text: str
    body: dict[str, Any]
    retry_after: str | None = None


def post(url: str, file: Path, **fields: str) -> Answer:
    """Post one recording as the documentation says."""
    begun = time.monotonic()
    with file.open("rb") as audio:
        reply = requests.post(f"{url}/v1/transcribe", files={"file": (file.name, audio)}, data=fields, timeout=7200)
    wall = time.monotonic() - begun
    body = reply.json() if "json" in reply.headers.get("Content-Type", "") else {"text": reply.text}
    return Answer(reply.status_code, wall, str(body.get("text", "")), body, reply.headers.get("Retry-After"))


def post_all(url: str, files: Sequence[Path], *, at_once: int, **fields: str) -> tuple[float, list[Answer]]:
    """Post many, so many at once; returns the wall seconds of all and each answer."""
    begun = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(lambda file: post(url, file, **fields), files))
    bad = [answer for answer in answers if answer.status != 200]
    if bad:
        raise RuntimeError(f"{len(bad)} of {len(answers)} failed: {bad[0].status} {bad[0].body}")
    return time.monotonic() - begun, answers


class Peer:
    """A peer engine behind `bench/peer.py`, loaded and ready."""

    def __init__(self, kind: str, model: Path, *, threads: int, python: str = sys.executable) -> None:
        """Start it and wait until its weights are in memory."""
        script = Path(__file__).with_name("peer.py")
        self.child = subprocess.Popen(
            [python, str(script), kind, str(model), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._read()

    def _read(self) -> dict[str, Any]:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended: {self.child.args}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def transcribe(self, file: Path, *, language: str | None = None, words: bool = True) -> dict[str, Any]:
        """Wall and CPU seconds and text of one recording."""
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps({"file": str(file), "language": language, "words": words}) + "\n")
        self.child.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End it."""
        self.child.kill()
        self.child.wait()


def in_turn(repeats: int, *sides: Callable[[], float]) -> list[list[float]]:
    """Run the sides A B A B ..., so that what disturbs one disturbs the other; returns each side's figures."""
    figures: list[list[float]] = [[] for _ in sides]
    for _ in range(repeats):
        for side, kept in zip(sides, figures, strict=True):
            kept.append(side())
    return figures


def median(figures: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(figures)


@contextmanager
def peak_memory(processes: Sequence[Process], every: float = 0.05) -> Iterator[dict[str, int]]:
    """Watch resident bytes; the dictionary holds each process's peak by name once the block ends."""
    peaks: dict[str, int] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every):
            for process in processes:
                try:
                    peaks[process.name] = max(peaks.get(process.name, 0), process.resident_bytes())
                except psutil.Error:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def cpu_of(processes: Sequence[Process]) -> float:
    """CPU seconds of all of them so far."""
    return sum(process.cpu_seconds() for process in processes)


def row(*cells: object) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(*heads: str) -> str:
    """The head of a Markdown table."""
    return "\n".join([row(*heads), row(*("---" for _ in heads))])
