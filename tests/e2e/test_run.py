"""`make run` as a newcomer meets it: one command, a line that works, Ctrl-C."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.audio import packaged_clip
from tests.house import ROOT, free_port


def descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.mark.real
@pytest.mark.system("curl")
def test_the_printed_line_works_and_ctrl_c_stops_everything(tmp_path: Path) -> None:
    clip = packaged_clip("beckett.wav")
    services = ("EDGE", "TRANSCRIPTION", "DIARIZATION", "SUMMARIZATION")
    ports = {f"{name}_PORT": str(free_port()) for name in services}
    ports |= {f"{name}_METRICS_PORT": str(free_port()) for name in services[1:]}
    settings = {"EDGE_DATA_FOLDER": str(tmp_path / "data"), "SUMMARIZATION_MODEL": "smollm2-135m-instruct"}
    log = tmp_path / "run.log"
    with log.open("wb") as out:
        run = subprocess.Popen(
            [sys.executable, "-m", "scripts.run"],
            cwd=ROOT,
            env={**os.environ, **ports, **settings},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    started: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + 180
        while not (line := re.search(r"^\s+(curl .*)$", log.read_text(), re.MULTILINE)):
            assert run.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() < deadline, log.read_text()[-4000:]
            time.sleep(0.2)
        started = descendants(psutil.Process(run.pid))
        command = line[1].replace("recording.mp3", str(clip))
        answer = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True, timeout=120)
        assert '"text"' in answer.stdout, answer.stdout
        assert '"Speaker 1"' in answer.stdout, answer.stdout
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 0, log.read_text()[-4000:]
        _, alive = psutil.wait_procs(started, timeout=30)
        assert not alive
    finally:
        for process in started:
            if process.is_running():
                process.kill()
        run.kill()
        run.wait()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "scripts.run"],
            cwd=ROOT,
            env={**os.environ, "EDGE_PORT": port, "EDGE_DATA_FOLDER": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"EDGE_PORT={port}" in done.stderr
