"""Diarization that dies or freezes under a request: who insists on speakers hears of it, who does not gets the text."""

import json
import signal
import threading
from pathlib import Path

import pytest
import requests

from tests.faults.conftest import SETTINGS, eventually
from tests.house import House

SPEAKERS = {
    **SETTINGS,
    "DIARIZATION_ENGINE": "scripted",
    "DIARIZATION_SCRIPT": json.dumps({"delay_seconds": 0.5, "max_batch": 1, "workers": 1}),
    "DIARIZATION_DRAIN_SECONDS": "1",
    "EDGE_SPEAKERS_WAIT_SECONDS": "1",
}
"""Slow enough to be caught at work; text waits for speakers a second and half the recording."""


def ask(house: House, file: Path, **fields: str) -> requests.Response:
    with file.open("rb") as audio:
        return requests.post(f"{house.url}/v1/transcribe", files={"file": (file.name, audio)}, data=fields, timeout=120)


def busy(house: House) -> bool:
    service = house.services["diarization"][0]
    text = requests.get(f"http://127.0.0.1:{service.metrics_port}/metrics", timeout=5).text
    return any(line.startswith("rpc_streams_open") and not line.endswith(" 0.0") for line in text.splitlines())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
@pytest.mark.parametrize("insists", [True, False], ids=["insists", "does-not"])
def test_diarization_goes_away_in_the_middle(number: signal.Signals, insists: bool, tone: Path) -> None:
    fields = {"diarize": "true"} if insists else {}
    with House(diarization=1, settings=SPEAKERS) as house:
        replies: list[requests.Response] = []
        request = threading.Thread(target=lambda: replies.append(ask(house, tone, **fields)))
        request.start()
        eventually(lambda: busy(house) or not request.is_alive(), "Diarization has the stream")
        assert request.is_alive(), "the request ended before Diarization was at work"
        house.services["diarization"][0].send(number)
        request.join(120)
        reply = replies[0]
        if insists:
            assert reply.status_code == 503, reply.text
            assert reply.json()["code"] == "diarization_unavailable"
            assert int(reply.headers["Retry-After"]) >= 1
        else:
            assert reply.status_code == 200, reply.text
            body = reply.json()
            assert body["text"]
            assert body["speakers"] == []
            assert body["diarization"] == "unavailable"
            assert all("speaker" not in segment for segment in body["segments"])
