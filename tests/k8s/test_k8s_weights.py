"""The job that fills the folder of weights: its commands are there, and say whether a service could start."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.manifests import OVERLAYS, ROOT, containers, name, workloads

MODULES = {"transcription": "inference", "summarizer": "summarizer"}
"""The module that an image starts."""


def fetch(module: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, "fetch"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "WEIGHTS_FOLDER": str(folder), **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.system("kubectl")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_job_fetches_with_commands_that_are_there(overlay: str) -> None:
    [job] = [each for each in workloads(overlay) if name(each) == "weights"]
    for container in containers(job):
        image = container["image"].rsplit(":", 1)[0].rsplit("/", 1)[1]
        if container.get("args"):
            assert container["args"] == ["fetch"]
            assert image in MODULES
        else:
            assert container["command"][:2] == ["hf", "download"]


def test_engines_without_weights_need_none(tmp_path: Path) -> None:
    done = fetch(
        "inference",
        tmp_path,
        TRANSCRIPTION_ENGINE="scripted",
        DIARIZATION_ENGINE="scripted",
        DIARIZATION_CROWD_ENGINE="",
        WEIGHTS_OFFLINE="true",
    )
    assert done.returncode == 0, done.stderr
    done = fetch("summarizer", tmp_path, SUMMARIZATION_ENGINE="scripted", WEIGHTS_OFFLINE="true")
    assert done.returncode == 0, done.stderr


def test_weights_that_cannot_be_had_are_said_so(tmp_path: Path) -> None:
    done = fetch("inference", tmp_path, TRANSCRIPTION_MODEL="base", WEIGHTS_OFFLINE="true")
    assert done.returncode == 1
    assert "weights_not_fetched" in done.stderr
    assert "Traceback" not in done.stderr
