"""`make run`: fetch the weights, start every process of the Procfile, say how to use them, stop them on Ctrl-C."""

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager

from edge.policy.local import KEY_FILE

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = {
    "EDGE_HOST": "127.0.0.1",
    "EDGE_PORT": "8080",
    "EDGE_DATA_FOLDER": "~/.local/share/verbatim",
    "EDGE_LOCAL_ACCOUNT": "1",
    "TRANSCRIPTION_HOST": "127.0.0.1",
    "TRANSCRIPTION_PORT": "50051",
    "TRANSCRIPTION_METRICS_PORT": "9101",
    "TRANSCRIPTION_PRELOAD": '["base"]',
    "TRANSCRIPTION_SUBSTITUTE": "base",
    "DIARIZATION_HOST": "127.0.0.1",
    "DIARIZATION_PORT": "50052",
    "DIARIZATION_METRICS_PORT": "9102",
    "SUMMARIZATION_HOST": "127.0.0.1",
    "SUMMARIZATION_PORT": "50053",
    "SUMMARIZATION_METRICS_PORT": "9103",
}
"""What `make run` sets where the environment does not: one machine, and the packaged model for every name."""


def environment() -> dict[str, str]:
    """The environment of the processes: the caller's, then what one machine needs."""
    values = {**DEFAULTS, **os.environ}
    for service in ("TRANSCRIPTION", "DIARIZATION", "SUMMARIZATION"):
        address = f"{values[f'{service}_HOST']}:{values[f'{service}_PORT']}"
        values.setdefault(f"EDGE_{service}_ADDRESSES", address)
    values["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), values.get("PATH", "")])
    values["PYTHONUNBUFFERED"] = "1"
    return values


def taken(values: dict[str, str]) -> list[str]:
    """Name the settings whose ports are in use by somebody else."""
    found = []
    for name in sorted(name for name in DEFAULTS if name.endswith("PORT")):
        host = values.get(name.replace("_METRICS_PORT", "_PORT").replace("_PORT", "_HOST"), "127.0.0.1")
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(values[name])))
            except OSError:
                found.append(f"{name}={values[name]}")
    return found


def announce(values: dict[str, str]) -> None:
    """Wait until the edge is ready, then print how to use it."""
    base = f"http://{values['EDGE_HOST']}:{values['EDGE_PORT']}"
    while True:
        with contextlib.suppress(urllib.error.URLError, OSError):
            if urllib.request.urlopen(f"{base}/readyz", timeout=2).status == 200:
                break
        time.sleep(0.3)
    print(f"\nVerbatim is ready on {base} (Ctrl-C stops it). Try a recording of yours:\n")
    print(f"  {curl_line(base, values)}\n", flush=True)


def curl_line(base: str, values: dict[str, str]) -> str:
    """The documented call, with the local account's key where the edge has one."""
    kept = Path(values["EDGE_DATA_FOLDER"]).expanduser() / KEY_FILE
    key = kept.read_text().strip() if values["EDGE_LOCAL_ACCOUNT"] == "1" and kept.exists() else ""
    header = f" -H {shlex.quote(f'Authorization: Bearer {key}')}" if key else ""
    return f"curl {base}/v1/transcribe{header} -F file=@recording.mp3"


def main() -> None:
    """Run until Ctrl-C or until a process ends."""
    values = environment()
    busy = taken(values)
    if busy:
        sys.exit(
            f"These ports are in use: {', '.join(busy)}. "
            "Stop what holds them, or set others, as in EDGE_PORT=8081 make run"
        )
    # Speech and speakers; the larger weights of summaries come in the background once everything runs.
    fetch = subprocess.run([sys.executable, "-m", "inference", "fetch"], cwd=ROOT, env=values, check=False)
    if fetch.returncode:
        sys.exit(fetch.returncode)
    manager = Manager()
    for name, command in parse_procfile((ROOT / "Procfile").read_text()).processes.items():
        manager.add_process(name, command, env=values, cwd=str(ROOT))
    threading.Thread(target=announce, args=(values,), daemon=True).start()
    manager.loop()
    # Ctrl-C is how one stops it, so that is no failure for make to report.
    sys.exit(0 if manager.returncode in {0, 130, 143} else manager.returncode)


if __name__ == "__main__":
    main()
