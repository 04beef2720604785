"""Requests that no honest client sends: each is answered or closed within a bound, and the next one works."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import SETTINGS, answer, connected, eventually, file_part, held, request_head, works
from tests.house import House


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(settings=SETTINGS) as running:
        yield running


@pytest.fixture(autouse=True)
def unharmed(house: House, tone: Path) -> Iterator[None]:
    yield
    works(house, tone)
    eventually(lambda: held(house)[0] == 0, "no spooled file is left")
    assert house.edge.alive()


def test_half_a_head_is_closed(house: House) -> None:
    with connected(house) as connection:
        connection.sendall(b"POST /v1/transcribe HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        status, _ = answer(connection)
    assert status in {0, 400, 408}


def test_a_stalled_body_is_given_up(house: House) -> None:
    with connected(house) as connection:
        connection.sendall(request_head(10_000_000) + file_part(b"x" * 1000)[:500])
        status, received = answer(connection)
    assert status in {400, 408}, received


def test_a_body_shorter_than_it_says(house: House, tone: Path) -> None:
    body = file_part(tone.read_bytes())
    with connected(house) as connection:
        connection.sendall(request_head(len(body) + 5000) + body[: len(body) // 2])
        connection.shutdown(1)
        status, _ = answer(connection)
    assert status in {0, 400}


def test_a_form_that_goes_on_after_its_end(house: House, tone: Path) -> None:
    body = file_part(tone.read_bytes()) + b"more" * 1000
    with connected(house) as connection:
        connection.sendall(request_head(len(body)) + body)
        status, received = answer(connection)
    assert status in {200, 400}, received


@pytest.mark.parametrize("encoding", ["deflate", "gzip", "br"])
def test_an_encoded_body_is_refused(house: House, encoding: str) -> None:
    with connected(house) as connection:
        connection.sendall(request_head(20, extra=f"Content-Encoding: {encoding}\r\n") + b"x" * 20)
        status, received = answer(connection)
    assert status in {400, 415}, received
    assert b'"error"' in received


def test_ten_thousand_parts(house: House) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
    body = part * 10_000 + b"--b--\r\n"
    with connected(house) as connection:
        connection.sendall(request_head(len(body)))
        try:
            connection.sendall(body)
        except ConnectionError:
            return
        status, received = answer(connection)
    assert status in {400, 413}, received


def test_an_endless_part_head(house: House) -> None:
    body = b"--b\r\nContent-Disposition: form-data; name=" + b"x" * 1_000_000
    with connected(house) as connection:
        connection.sendall(request_head(len(body)))
        try:
            connection.sendall(body)
        except ConnectionError:
            return
        status, received = answer(connection)
    assert status in {400, 431}, received


def test_no_boundary(house: House) -> None:
    with connected(house) as connection:
        connection.sendall(request_head(4, boundary=None) + b"abcd")
        status, received = answer(connection)
    assert status == 400, received
    assert b'"code"' in received


def test_a_huge_text_field(house: House) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="language"\r\n\r\n' + b"e" * 5_000_000 + b"\r\n--b--\r\n"
    with connected(house) as connection:
        connection.sendall(request_head(len(body)))
        try:
            connection.sendall(body)
        except ConnectionError:
            return
        status, received = answer(connection)
    assert status in {400, 413}, received


def test_a_client_gone_in_the_middle_of_its_upload(house: House, tone: Path) -> None:
    for _ in range(20):
        with connected(house) as connection:
            connection.sendall(request_head(50_000_000) + file_part(tone.read_bytes())[:20_000])
    eventually(lambda: held(house) == (0, held(house)[1]), "the spooled halves are gone")
