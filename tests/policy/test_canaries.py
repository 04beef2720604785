"""Keys and addresses that are planted in every place one can be sent, and looked for in everything an edge leaves."""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.house import free_port

KEY = "vb_canarycanarycanarycanarycanarycanarycanary"
ADDRESS = "203.0.113.77"
SPOKEN = "the-canary-sings-this"


@contextlib.contextmanager
def metered_edge(folder: Path) -> Iterator[tuple[int, Path]]:
    """Run `python -m edge` as an operator does; give its port and its log."""
    port, log = free_port(), folder / "log"
    settings = {
        "EDGE_PORT": str(port),
        "EDGE_DATA_FOLDER": str(folder / "data"),
        "EDGE_LOCAL_ACCOUNT": "1",
        "EDGE_POLICY": "metered",
        "EDGE_TRUSTED_PROXIES": '["127.0.0.0/8"]',
        "EDGE_TRANSCRIPTION_ADDRESSES": "127.0.0.1:1",
        "EDGE_LOG_LEVEL": "debug",
        "EDGE_LOG_JSON": "1",
    }
    with log.open("w") as output:
        edge = subprocess.Popen(
            [sys.executable, "-m", "edge"], env={**os.environ, **settings}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 120
        while not _alive(port):
            assert edge.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield port, log
    finally:
        edge.terminate()
        assert edge.wait(60) == 0, log.read_text()


def _alive(port: int) -> bool:
    try:
        return ask(port, "GET", "/livez") == 200
    except OSError:
        return False


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> int:
    """Ask the edge; header names with `_` for `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def sing(port: int, good: str) -> set[int]:
    """Send the canaries wherever something can be sent, and a good key too."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    form = (
        b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + SPOKEN.encode() + b"\r\n--b\r\n"
        b'Content-Disposition: form-data; name="file"; filename="' + SPOKEN.encode() + b'.wav"\r\n\r\nx\r\n--b--\r\n'
    )
    form_type = "multipart/form-data; boundary=b"
    statuses = set()
    for key in (KEY, good):
        bearer = f"Bearer {key}"
        statuses |= {
            ask(port, "POST", f"/v1/transcribe?token={key}", form, Content_Type=form_type, X_Forwarded_For=ADDRESS),
            ask(port, "POST", "/v1/transcribe", form, Content_Type=form_type, Authorization=bearer),
            ask(port, "POST", "/v1/transcribe", form, Content_Type=form_type, Authorization=f"Basic {key}"),
            ask(port, "POST", "/v1/transcribe", b"", Authorization=bearer, Idempotency_Key=SPOKEN),
            ask(port, "POST", "/v1/summarize", b'{"text": "%s"}' % SPOKEN.encode(), Authorization=bearer),
            ask(port, "GET", f"/v1/stream?token={key}", b"", **upgrade),
            ask(port, "GET", "/v1/stream", b"", Sec_WebSocket_Protocol=f"bearer, {key}", **upgrade),
            ask(port, "GET", "/v1/account", Authorization=bearer),
            ask(port, "DELETE", f"/v1/account/keys/{key}", Authorization=bearer),
            ask(port, "GET", f"/v1/nothing/{key}?token={key}", X_Forwarded_For=ADDRESS),
        }
    statuses.add(ask(port, "POST", "/v1/transcribe", form, Content_Type=form_type, X_Forwarded_For=ADDRESS))
    statuses.add(ask(port, "POST", "/v1/account", b"{}", X_Forwarded_For=ADDRESS))
    return statuses


def test_no_canary_is_found_in_what_an_edge_leaves(tmp_path: Path) -> None:
    with metered_edge(tmp_path) as (port, log):
        good = (tmp_path / "data" / "local-key").read_text().strip()
        assert sing(port, good) >= {200, 201, 401, 404, 503}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/metrics")
        left = {"metrics": connection.getresponse().read()}
        connection.close()
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
        assert {name for name, mode in modes.items() if mode != 0o600} <= {"edge.lock"}
    left |= {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} | {"log": log.read_bytes()}
    assert left.pop("local-key").decode().strip() == good
    assert b"audit_refused" in left["log"]
    for name, content in left.items():
        for canary in (KEY, good, ADDRESS, SPOKEN):
            found = content.find(canary.encode())
            assert found < 0, (name, canary, content[max(0, found - 200) : found + 100])
