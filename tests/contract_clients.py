"""Clients of other people, pinned and fetched once from the package registries, run as their own processes."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CONTRACT = Path(__file__).parent / "contract"
CACHE = Path(os.environ.get("WEIGHTS_FOLDER", "~/.cache/verbatim")).expanduser() / "test-clients"
WHEELS = (
    "sttai==0.1.0 --hash=sha256:6602a67b108bfbaea75f2a4fd7d2ac3af3af17d9f296ee2fc6ed4876861d7a25",
    "websocket-client==1.8.0 --hash=sha256:17b44cc997f5c498e809b22cdf2d9c7a9e71c02c8cc2b6c56e7c2d1239bfa526",
)


def _prepared(name: str, install: list[str], files: dict[str, str]) -> Path:
    """A folder in the cache in which `install` has run once over `files`; skips the test where it cannot."""
    digest = hashlib.sha256(repr((install, sorted(files.items()))).encode()).hexdigest()[:16]
    folder = CACHE / f"{name}-{digest}"
    if folder.exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        for file, text in files.items():
            (made / file).write_text(text)
        done = subprocess.run(install, check=False, cwd=made, capture_output=True, text=True, timeout=280)
        if done.returncode != 0:
            if os.environ.get("REQUIRE_ALL") == "1":
                raise RuntimeError(done.stderr)
            pytest.skip(f"the registry gave no {name}: {done.stderr[-200:]}")
        try:
            made.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    return folder


@cache
def node_modules() -> Path:
    """The folder of the npm packages that the documentation names, by their lock."""
    files = {name: (CONTRACT / "node" / name).read_text() for name in ("package.json", "package-lock.json")}
    install = [shutil.which("npm") or "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    return _prepared("node", install, files) / "node_modules"


@cache
def vendor_sdk() -> Path:
    """The folder of the vendor's SDK, to put on PYTHONPATH."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    install += ["--disable-pip-version-check", "--target", ".", "-r", "requirements.txt"]
    return _prepared("sttai", install, {"requirements.txt": "\n".join(WHEELS)})


async def output_of(*command: str, **environment: str) -> str:
    """What a client prints; fails with what it complains about if it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        async with asyncio.timeout(120):
            out, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()
    return out.decode()


async def stream_with_vendor_sdk(url: str, audio: str, *, language: str = "auto") -> dict[str, Any]:
    """What the vendor's SDK gets for PCM in a file.

    It waits half a second for its connection and then sends, connected or not, and some seconds for the
    result; on a machine that is slower than that it fails whatever a server does, so it is run again.
    """
    sdk = str(await asyncio.to_thread(vendor_sdk))
    command = (sys.executable, str(CONTRACT / "clients" / "sttai_stream.py"), url, audio, language)
    tries = 3
    while True:
        tries -= 1
        try:
            output = await output_of(*command, PYTHONPATH=sdk)
        except AssertionError as error:
            if not tries or "WebSocketConnectionClosedException" not in str(error):
                raise
        else:
            answer: dict[str, Any] = json.loads(output)
            if answer["result"] is not None or not tries:
                return answer
