import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CONTENT = os.urandom(400_000)
COMMITS = ["a" * 40, "b" * 40]


class HubHandler(BaseHTTPRequestHandler):
    """Speaks the part of the hub's protocol that downloads one file: HEAD for its identity, GET for its bytes."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        pass

    def do_HEAD(self) -> None:
        self.reply(with_body=False)

    def do_GET(self) -> None:
        self.reply(with_body=True)

    def reply(self, *, with_body: bool) -> None:
        type(self).asked.append(f"{self.command} {self.path}")
        _, owner, name, verb, revision, path = self.path.split("/", 5)
        known = (owner, name, verb, path) == ("owner", "model", "resolve", "model.bin")
        commit = COMMITS[0] if revision in {"main", COMMITS[0]} else None
        body = CONTENT if known and commit else b"Entry not found"
        self.send_response(200 if known and commit else 404)
        if not known or not commit:
            self.send_header("X-Error-Code", "EntryNotFound")
        else:
            self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
            self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[str]:
    HubHandler.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), HubHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


SCRIPT = """
import json, sys
from pathlib import Path
from weights import HubFile, Store, WeightFile, WeightSet, WeightsUnavailable
store, revision, sha256, *paths = sys.argv[1:]
files = tuple(WeightFile(p, sha256 or None, None, (HubFile("owner/model", revision or None, p),)) for p in paths)
told = []
try:
    folder = Store(Path(store)).fetch(WeightSet("hub", files), lambda fetched, total: told.append(fetched))
    print(json.dumps({"folder": str(folder), "told": told}))
except WeightsUnavailable as error:
    print(json.dumps({"error": str(error)}))
"""


def fetch(
    hub: str, store: Path, *, revision: str = "", sha256: str = "", paths: tuple[str, ...] = ("model.bin",)
) -> dict[str, Any]:
    """Fetch in a process of its own: the client reads the hub's address when it is imported."""
    pytest.importorskip("huggingface_hub")
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(store / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", SCRIPT, str(store), revision, sha256, *paths]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_a_file_comes_from_the_hub_and_its_identity_is_recorded(hub: str, tmp_path: Path) -> None:
    answer = fetch(hub, tmp_path)
    assert (Path(answer["folder"]) / "model.bin").read_bytes() == CONTENT
    assert answer["told"][-1] == len(CONTENT)
    recorded = json.loads((tmp_path / "records" / "hub.json").read_text())["model.bin"]
    assert recorded == {"revision": COMMITS[0], "sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}


def test_a_pinned_file_comes_from_its_revision(hub: str, tmp_path: Path) -> None:
    answer = fetch(hub, tmp_path, revision=COMMITS[0], sha256=hashlib.sha256(CONTENT).hexdigest())
    assert (Path(answer["folder"]) / "model.bin").read_bytes() == CONTENT
    assert all(COMMITS[0] in line for line in HubHandler.asked)


def test_a_revision_that_is_gone_is_unavailable(hub: str, tmp_path: Path) -> None:
    assert "owner/model@" in fetch(hub, tmp_path, revision=COMMITS[1])["error"]


def test_a_hub_that_does_not_answer_is_asked_once(tmp_path: Path) -> None:
    answer = fetch("http://127.0.0.1:9", tmp_path, paths=("model.bin", "config.json"))
    assert "hub: not reachable" in answer["error"]
