"""Services that die, freeze or come back while requests are under way."""

import signal
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.faults.conftest import (
    SETTINGS,
    answer,
    connected,
    eventually,
    file_part,
    held,
    post,
    request_head,
    slow_script,
    works,
    write_wave,
)
from tests.house import House, wait_serving


class Request(threading.Thread):
    """A request under way."""

    def __init__(self, house: House, file: Path) -> None:
        super().__init__(daemon=True)
        self.house, self.file = house, file
        self.reply: requests.Response | None = None

    def run(self) -> None:
        self.reply = post(self.house, self.file)

    def result(self) -> requests.Response:
        self.join(120)
        assert self.reply is not None, "no answer within two minutes"
        return self.reply


def in_flight(house: House) -> bool:
    """Whether the engine has something to do."""
    service = house.services["transcription"][0]
    text = requests.get(f"http://127.0.0.1:{service.metrics_port}/metrics", timeout=5).text
    return any(line.startswith("rpc_streams_open") and not line.endswith(" 0.0") for line in text.splitlines())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_the_only_transcription_goes_away_in_the_middle(number: signal.Signals, tone: Path, long_tone: Path) -> None:
    with House(settings={**SETTINGS, **slow_script(1.0)}) as house:
        service = house.services["transcription"][0]
        request = Request(house, long_tone)
        request.start()
        eventually(lambda: in_flight(house), "the stream is open")
        service.send(number)
        reply = request.result()
        assert reply.status_code == 503, reply.text
        assert int(reply.headers["Retry-After"]) >= 1
        assert reply.json()["code"]
        eventually(lambda: held(house)[0] == 0, "the spooled file is gone")
        service.stop()
        service.start()
        wait_serving(service, time.monotonic() + 60)
        eventually(lambda: requests.get(f"{house.url}/readyz", timeout=5).status_code == 200, "the edge is ready again")
        works(house, tone)


def test_one_of_two_dies_and_the_next_requests_are_served(tone: Path) -> None:
    with House(transcription=2, settings=SETTINGS) as house:
        works(house, tone)
        house.services["transcription"][0].send(signal.SIGKILL)
        for _ in range(6):
            works(house, tone)


def test_a_client_that_goes_away_frees_the_engine(tone: Path, long_tone: Path) -> None:
    with House(settings={**SETTINGS, **slow_script(0.5)}) as house:
        body = file_part(long_tone.read_bytes())
        for _ in range(3):
            with connected(house) as connection:
                connection.sendall(request_head(len(body)) + body)
                eventually(lambda: in_flight(house), "the stream is open")
        eventually(lambda: not in_flight(house), "no stream is left")
        eventually(lambda: held(house)[0] == 0, "no spooled file is left")
        works(house, tone)


def test_the_edge_dies_and_the_service_drops_its_streams(long_tone: Path, tone: Path) -> None:
    with House(settings={**SETTINGS, **slow_script(0.5)}) as house:
        body = file_part(long_tone.read_bytes())
        with connected(house) as connection:
            connection.sendall(request_head(len(body)) + body)
            eventually(lambda: in_flight(house), "the stream is open")
            house.edge.send(signal.SIGKILL)
            assert answer(connection)[0] == 0
        eventually(lambda: not in_flight(house), "no stream is left")
        house.edge.stop()
        house.edge.start()
        house.edge.wait(f"{house.url}/readyz", time.monotonic() + 60)
        works(house, tone)


def test_requests_past_the_bound_of_the_queue_are_refused(tone: Path, tmp_path: Path) -> None:
    minute = write_wave(tmp_path / "minute.wav", 60.0)
    settings = {**SETTINGS, **slow_script(0.3), "TRANSCRIPTION_QUEUE_SECONDS": "40"}
    with House(settings=settings) as house:
        requests_at_once = [Request(house, minute) for _ in range(24)]
        for request in requests_at_once:
            request.start()
        replies = [request.result() for request in requests_at_once]
        statuses = [reply.status_code for reply in replies]
        assert set(statuses) <= {200, 503}, statuses
        assert 200 in statuses, "some are let in and finish"
        assert 503 in statuses, "an eighth of the bound each: the others are refused"
        for reply in replies:
            if reply.status_code == 503:
                assert int(reply.headers["Retry-After"]) >= 1
                assert reply.json()["code"] == "overloaded"
        # The edge believes what it saw of the replicas for a second.
        eventually(lambda: post(house, tone).status_code == 200, "there is room again")
        works(house, tone)
