"""The real house: every process started as an operator would, on ports of its own, and stopped without a trace."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180.0
"""Longest wait for a process; only ever reached when something is broken."""


def free_port() -> int:
    """A port that nobody held a moment ago."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """One running process of the house and what it logs."""

    name: str
    port: int
    metrics_port: int
    command: list[str]
    environment: dict[str, str]
    log: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    child: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.child is not None, f"{self.name} was not started"
        return self.child.pid

    def start(self) -> None:
        """Start it; it is ready once `Process.wait` returns."""
        self.child = subprocess.Popen(
            self.command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def logged(self) -> str:
        """Everything it wrote up to now."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.child is not None and self.child.poll() is None

    def wait(self, url: str, deadline: float) -> None:
        """Wait until `url` answers 200; raise with the log's end if the process ends or the deadline passes."""
        while time.monotonic() < deadline:
            if not self.alive():
                break
            with contextlib.suppress(urllib.error.URLError, OSError):
                if urllib.request.urlopen(url, timeout=2).status == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} did not become ready at {url}:\n{self.logged()[-4000:]}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        if self.alive():
            os.kill(self.pid, number)

    def stop(self) -> int:
        """SIGTERM, then after a while SIGKILL to all of its group; returns the exit status."""
        if self.child is None:
            return 0
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        return self.child.wait(10)

    def cpu_seconds(self) -> float:
        """CPU used by the process, its living children and those it waited for."""
        process = psutil.Process(self.pid)
        times = process.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                own = child.cpu_times()
                total += own.user + own.system
        return total

    def resident_bytes(self) -> int:
        """Memory held now by the process alone."""
        return int(psutil.Process(self.pid).memory_info().rss)


class House:
    """Services and an edge on free ports; `with House(...) as house: post to house.url`."""

    def __init__(
        self,
        *,
        transcription: int = 1,
        diarization: int = 0,
        summarization: int = 0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Count the replicas of each service; `settings` are environment variables for all processes."""
        self.settings = {"EDGE_POLICY": "open", "TRANSCRIPTION_SUBSTITUTE": "base", **(settings or {})}
        self.services = {
            "transcription": [
                self._service("transcription", ["inference", "transcription"]) for _ in range(transcription)
            ],
            "diarization": [self._service("diarization", ["inference", "diarization"]) for _ in range(diarization)],
            "summarization": [self._service("summarization", ["summarizer"]) for _ in range(summarization)],
        }
        addresses = {
            f"EDGE_{name.upper()}_ADDRESSES": ",".join(process.address for process in replicas)
            for name, replicas in self.services.items()
        }
        port = free_port()
        edge = {"EDGE_HOST": "127.0.0.1", "EDGE_PORT": str(port), **addresses}
        self.edge = Process("edge", port, port, [sys.executable, "-m", "edge"], self._environment(edge))

    def _environment(self, own: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **own, **self.settings, "PYTHONUNBUFFERED": "1"}

    def _service(self, name: str, module: list[str]) -> Process:
        prefix = name.upper()
        port, metrics_port = free_port(), free_port()
        own = {
            f"{prefix}_HOST": "127.0.0.1",
            f"{prefix}_PORT": str(port),
            f"{prefix}_METRICS_PORT": str(metrics_port),
        }
        return Process(name, port, metrics_port, [sys.executable, "-m", *module], self._environment(own))

    @property
    def url(self) -> str:
        """The edge's base address."""
        return f"http://127.0.0.1:{self.edge.port}"

    @property
    def processes(self) -> Iterator[Process]:
        """All processes, services first."""
        for replicas in self.services.values():
            yield from replicas
        yield self.edge

    def __enter__(self) -> Self:
        """Start everything and wait until the edge is ready to serve."""
        try:
            for process in self.processes:
                process.start()
            deadline = time.monotonic() + START_SECONDS
            for replicas in self.services.values():
                for process in replicas:
                    wait_serving(process, deadline)
            self.edge.wait(f"{self.url}/readyz", deadline)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self.close()

    def close(self) -> None:
        """Stop the edge, then the services."""
        for process in reversed(list(self.processes)):
            process.stop()
            process.log.close()


def wait_serving(process: Process, deadline: float) -> None:
    """Wait until the process's own health service says SERVING."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(process.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < deadline:
            if not process.alive():
                break
            with contextlib.suppress(grpc.RpcError):
                if stub.Check(health_pb2.HealthCheckRequest(), timeout=2).status == 1:
                    return
            time.sleep(0.1)
    raise RuntimeError(f"{process.name} did not become ready:\n{process.logged()[-4000:]}")
