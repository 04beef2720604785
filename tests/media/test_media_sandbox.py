import errno
import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from media import landlock
from media.limits import Limits
from media.sandbox import RLIMITS, Sandbox, active, best, environment, python

CONFINED = """
import json, sys
from media.confinement import confine
from media.limits import Limits
confine(Limits(**json.loads(sys.argv[1])))
"""


def run(sandbox: Sandbox, script: str, *arguments: str) -> str:
    command = [*sandbox.prefix, *python(), "-c", CONFINED + script, json.dumps(asdict(Limits())), *arguments]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def strong() -> Sandbox:
    if best().name != "bubblewrap":
        pytest.skip("SYSTEM TOOL MISSING: bwrap, or it may not be used here")
    return best()


def test_the_active_one_is_named() -> None:
    assert active() == best().name
    assert active() in {"bubblewrap", "landlock", "rlimits"}


def test_no_program_means_the_limits_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert best.__wrapped__().prefix == ()


@pytest.mark.parametrize(
    "body",
    [
        "exit 1",
        "exec sleep 0",  # says that all is well and runs nothing
        'while [ "$1" != "-s" ]; do python="$1"; shift; done; exec "$python" "$@"',  # runs it and confines nothing
    ],
)
def test_a_program_that_does_not_work_means_the_limits_alone(
    body: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert best.__wrapped__().prefix == ()


def test_the_child_gets_none_of_the_parents_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_SECRET", "sesame")
    assert "sesame" not in run(RLIMITS, "import os; print(dict(os.environ))")


def test_the_limits_hold(tmp_path: Path) -> None:
    said = run(
        RLIMITS,
        """
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def write():
    with open(sys.argv[2], "wb", buffering=0) as file:
        file.write(b"x")
def refused(action):
    try:
        action()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "allowed"
print(json.dumps({
    "memory": refused(lambda: bytearray(1 << 30)),
    "writing": refused(write),
    "files": refused(lambda: [os.open("/", os.O_RDONLY) for _ in range(100)]),
}))
""",
        str(tmp_path / "file"),
    )
    assert json.loads(said) == {"memory": "MemoryError", "files": "OSError", "writing": "OSError"}


def test_bubblewrap_leaves_no_network_no_files_no_rights(strong: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sesame")
    said = run(
        strong,
        """
import os, socket
def refused(action):
    try:
        action()
    except OSError as error:
        return error.errno
    return 0
print(json.dumps({
    "secret": refused(lambda: open(sys.argv[2])),
    "passwords": refused(lambda: open("/etc/passwd")),
    "writing": refused(lambda: os.open("/usr/x", os.O_CREAT | os.O_WRONLY)),
    "network": refused(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), 1)),
    "interfaces": [name for _, name in socket.if_nameindex()],
    "rights": refused(lambda: os.chroot("/")),
    "processes": os.getpid(),
}))
""",
        str(secret),
        "9",
    )
    found = json.loads(said)
    assert found["secret"] and found["passwords"] and found["writing"] and found["network"] and found["rights"]
    assert found["interfaces"] == ["lo"]
    assert found["processes"] < 10


def test_landlock_leaves_no_files_and_no_tcp(tmp_path: Path) -> None:
    if landlock.version() < 4:
        pytest.skip("the kernel has no Landlock, or an old one")
    said = run(
        RLIMITS,
        """
import os, socket
from media import landlock
given_up = landlock.give_up()
def refused(action):
    try:
        action()
    except OSError as error:
        return error.errno
    return 0
print(json.dumps({
    "given_up": given_up,
    "reading": refused(lambda: os.open("/etc/passwd", os.O_RDONLY)),
    "listing": refused(lambda: os.listdir("/")),
    "writing": refused(lambda: os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY)),
    "network": refused(lambda: socket.create_connection(("127.0.0.1", 9), 1)),
}))
""",
        str(tmp_path / "file"),
    )
    assert json.loads(said) == {
        "given_up": True,
        **dict.fromkeys(["reading", "listing", "writing", "network"], errno.EACCES),
    }
