"""One long recording over one, two and three replicas: the same transcript, whoever dies on the way."""

import re
import signal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.audio import packaged_clip
from tests.faults.conftest import SETTINGS, eventually, post, slow_script
from tests.faults.test_services import Request
from tests.house import House, Process


def transcript(house: House, file: Path) -> dict[str, Any]:
    reply = post(house, file)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    assert body.pop("request_id", None) is None
    return body


def windows_served(process: Process) -> int:
    """Streams that a replica has ended well."""
    text = requests.get(f"http://127.0.0.1:{process.metrics_port}/metrics", timeout=5).text
    pattern = r'^grpc_server_handled_total\{(?=[^}]*grpc_code="OK")(?=[^}]*Transcribe")[^}]*\} ([0-9.]+)$'
    return sum(int(float(count)) for count in re.findall(pattern, text, re.MULTILINE))


def test_the_same_text_from_one_two_and_three(long_tone: Path) -> None:
    found = []
    for replicas in (1, 2, 3):
        with House(transcription=replicas, settings=SETTINGS) as house:
            found.append(transcript(house, long_tone))
            if replicas > 1:
                served = [windows_served(process) for process in house.services["transcription"]]
                assert all(served), f"every replica has a part in it: {served}"
    assert found[0]["text"]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_replica_that_goes_away_costs_no_words(number: signal.Signals, long_tone: Path) -> None:
    with House(settings=SETTINGS) as house:
        whole = transcript(house, long_tone)
    with House(transcription=3, settings={**SETTINGS, **slow_script(0.4)}) as house:
        victim = house.services["transcription"][1]
        request = Request(house, long_tone)
        request.start()
        eventually(lambda: windows_served(victim) > 0, "the victim has decoded a window")
        victim.send(number)
        reply = request.result()
        assert reply.status_code == 200, reply.text
        assert reply.json()["text"] == whole["text"]
        assert request.is_alive() is False


@pytest.mark.real
def test_the_real_model_says_the_same_over_two(tmp_path: Path) -> None:
    clip = packaged_clip("two_cities.wav")
    spread = {"EDGE_POLICY": "open", "EDGE_SPREAD_SECONDS": "5"}
    with House(settings=spread) as house:
        one = transcript(house, clip)
    with House(transcription=2, settings=spread) as house:
        two = transcript(house, clip)
        assert all(windows_served(process) for process in house.services["transcription"])
    assert one["text"]
    assert one == two
