"""The sandbox around a child: bubblewrap where it is there and works, else what the child gives up by itself.

Whatever surrounds it, a child limits its memory, time and files, and gives up files and TCP where the kernel has
Landlock.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from media import landlock

_TRIAL_SECONDS = 20
_TRIAL = "import os, av.error; print('confined' if os.getpid() < 10 and not os.path.exists('/etc/passwd') else 'open')"
"""FFmpeg can be loaded, and neither the machine's processes nor its files are in sight."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A way to start a child."""

    name: str
    """`bubblewrap`, `landlock` or `rlimits`: the strongest part of it."""
    prefix: tuple[str, ...]
    """What stands before the child's own command."""


LANDLOCK = Sandbox("landlock", ())
"""What `media.landlock` gives up, and the limits."""
RLIMITS = Sandbox("rlimits", ())
"""Only what `media.confinement` sets: memory, processor time, files, processes."""


def active() -> str:
    """Say which sandbox children get on this machine, for a log line or a report."""
    return best().name


@cache
def best() -> Sandbox:
    """Return the strongest sandbox that works here. Tries it once, which takes some ten milliseconds."""
    return _bubblewrap() or (LANDLOCK if landlock.version() else RLIMITS)


def _bubblewrap() -> Sandbox | None:
    program = shutil.which("bwrap")
    if program is None:
        return None
    sandbox = Sandbox("bubblewrap", (program, *_arguments()))
    command = [*sandbox.prefix, *python(), "-c", _TRIAL]
    try:
        tried = subprocess.run(  # noqa: S603  # our own command
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return sandbox if tried.stdout.strip() == b"confined" else None


def python() -> list[str]:
    """Return the interpreter with no user site and no current folder on its path."""
    return [sys.executable, "-s", "-P", "-B"]


def environment() -> dict[str, str]:
    """Return the whole environment of a child: none of the parent's settings and secrets."""
    return {"PYTHONPATH": str(_root()), "LC_ALL": "C.UTF-8"}


def _arguments() -> list[str]:
    """Nothing but the interpreter, its libraries and this package, all read-only; no network, no privileges."""
    arguments = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--chdir", "/"]
    for path in _readable():
        arguments += ["--ro-bind-try", path, path]
    return arguments


def _readable() -> list[str]:
    paths = {"/usr", "/lib", "/lib64", "/etc/ld.so.cache", sys.prefix, sys.base_prefix, str(_root() / "media")}
    paths |= {os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)}
    libraries = importlib.util.find_spec("av")
    if libraries is not None and libraries.origin is not None:
        paths.add(str(Path(libraries.origin).parents[1]))
    return sorted(paths)


def _root() -> Path:
    return Path(__file__).resolve().parents[1]
