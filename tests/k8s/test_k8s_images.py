"""The Dockerfile: locks with hashes, no root, and in each image the rooms that its process imports."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.manifests import ROOT

TEXT = (ROOT / "Dockerfile").read_text()
STAGES = {
    match[2]: (match[1], match[3])
    for match in re.finditer(r"^FROM (\S+) AS (\S+)\n((?:(?!^FROM ).*\n)*)", TEXT, flags=re.MULTILINE)
}
TARGETS = (
    "edge",
    "transcription",
    "transcription-cuda",
    "diarization",
    "diarization-nemo",
    "summarizer",
    "summarizer-vllm",
)
IMPORTS = {
    "edge": ("edge.__main__", "edge.app", "edge.policy.opening"),
    "transcription": ("inference.__main__", "inference.service"),
    "diarization": ("inference.__main__", "inference.diarization"),
    "summarizer": ("summarizer.__main__",),
}


def packages(target: str) -> str:
    """Gives the text of the stages that a target's packages come from, its base first."""
    [stage] = re.findall(r"COPY --from=(\S+) /opt/venv", STAGES[target][1])
    text = ""
    while stage != "packages":
        parent, own = STAGES[stage]
        text = own + text
        stage = parent
    return text


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_is_installed_from_a_lock_with_hashes_and_runs_without_root(target: str) -> None:
    parent, text = STAGES[target]
    assert parent == "base"
    assert "USER 10001:10001\n" in text
    assert text.index("USER 10001:10001") < text.index("ENTRYPOINT")
    installs = re.findall(r"pip install .*", packages(target))
    assert installs
    assert all("--require-hashes --requirement /requirements.txt" in install for install in installs)
    for lock in re.findall(r"COPY (requirements/\S+) /requirements.txt", packages(target)):
        content = (ROOT / lock).read_text()
        pinned = re.findall(r"^[a-z0-9][^\s#]*==\S+", content, flags=re.MULTILINE | re.IGNORECASE)
        assert pinned
        assert content.count("--hash=sha256:") >= len(pinned)


def test_every_target_is_known() -> None:
    assert {name for name, (parent, text) in STAGES.items() if "ENTRYPOINT" in text} == set(TARGETS)


@pytest.mark.parametrize("target", IMPORTS)
def test_an_image_holds_the_rooms_that_its_process_imports(target: str, tmp_path: Path) -> None:
    for source, room in re.findall(r"COPY (\S+) /opt/rooms/(\S+)", packages(target)):
        shutil.copytree(ROOT / source, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    # Without `site`, the editable install of the repository is not on the path: only the copies are.
    code = f"""
import sys, importlib
sys.path[:0] = [{str(tmp_path)!r}, {sysconfig.get_path("purelib")!r}]
for module in {IMPORTS[target]!r}:
    assert importlib.import_module(module).__file__.startswith({str(tmp_path)!r})
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
