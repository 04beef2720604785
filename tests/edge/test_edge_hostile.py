"""What comes in from outside and means no good, or is only slow: typed errors within a bound, and nothing leaks."""

import asyncio
import contextlib
import errno
import json
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from edge.policy.unlimited import Unlimited
from edge.spool import SpoolFull, open_spool
from tests.scripted_edge import EdgeUnderTest, form, scripted_edge
from tests.scripted_speech import spoken, wav

RECORDING = wav(spoken([1, 2, 3]))
FORM = "multipart/form-data; boundary=frontier"


async def exchange(edge: EdgeUnderTest, data: bytes, *, close: bool = False) -> bytes:
    """Send bytes as they are and read until the server closes."""
    host, port = edge.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        if close:
            writer.write_eof()
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionResetError:
        # The server had closed before all was sent: on a slow machine that is soon.
        return b""
    finally:
        writer.close()


def answer_of(raw: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


async def healthy(edge: EdgeUnderTest) -> None:
    """The next request works. Where a test has set a very short time for something, a busy machine may need a few."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with edge.http.post(f"{edge.url}/v1/transcribe", data=form(RECORDING)) as response:
                    if response.status == 200:
                        return
                    assert response.status == 408, await response.text()


async def post(edge: EdgeUnderTest, data: Any, **headers: str) -> tuple[int, str]:
    async with edge.http.post(f"{edge.url}/v1/transcribe", data=data, headers=headers) as response:
        return response.status, (await response.json())["code"]


async def test_slow_headers_are_cut_off() -> None:
    async with scripted_edge(header_seconds=0.3) as edge:
        assert await exchange(edge, b"POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nX-Slow: ") == b""
        assert await exchange(edge, b"") == b""
        await healthy(edge)


async def test_a_stalled_body_is_a_408() -> None:
    async with scripted_edge(body_idle_seconds=0.3) as edge:
        head = f"POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 9999\r\n\r\n--fron"
        status, answer = answer_of(await exchange(edge, head.encode()))
        assert (status, answer["code"]) == (408, "request_timeout")
        await healthy(edge)


async def test_no_http_at_all() -> None:
    async with scripted_edge() as edge:
        status, answer = answer_of(await exchange(edge, b"\x16\x03\x01 hello\r\n\r\n"))
        assert (status, answer["code"]) == (400, "bad_http")
        status, answer = answer_of(await exchange(edge, b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"))
        assert (status, answer["code"]) == (400, "bad_http")


async def test_lying_content_length() -> None:
    async with scripted_edge() as edge:
        head = f"POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 10000\r\n\r\n"
        await exchange(edge, head.encode() + b"--frontier\r\n", close=True)
        await healthy(edge)


async def test_compressed_bodies_are_refused() -> None:
    async with scripted_edge() as edge:
        status, code = await post(edge, b"x", **{"Content-Encoding": "deflate", "Content-Type": FORM})
        assert (status, code) == (415, "unsupported_encoding")


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"[object FormData]", "text/plain;charset=UTF-8", "malformed_form"),
        (b"", FORM, "malformed_form"),
        (b"--frontier--\r\n", FORM, "missing_file"),
        (b"x" * 100_000, FORM, "malformed_form"),
        (b"--frontier\r\nContent-Disposition: form-data; name=file\r\n\r\nunfinished", FORM, "malformed_form"),
        (b"--frontier\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n" * 200, FORM, "too_many_parts"),
        (b"--frontier\r\nContent-Disposition: form-data; name=a\r\n\r\n" + b"y" * 50_000, FORM, "field_too_large"),
    ],
    ids=["node text", "nothing", "no file", "no boundary", "unfinished", "parts", "field"],
)
async def test_bad_forms(body: bytes, content_type: str, code: str) -> None:
    async with scripted_edge() as edge:
        assert await post(edge, body, **{"Content-Type": content_type}) == (400, code)
        await healthy(edge)


async def test_two_files() -> None:
    async with scripted_edge() as edge:
        data = form(RECORDING)
        data.add_field("file", RECORDING, filename="b.wav")
        assert await post(edge, data) == (400, "two_files")


async def chunks(size: int) -> AsyncIterator[bytes]:
    """A form with a file of `size` bytes, of unknown length."""
    yield b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    for _ in range(0, size, 65_536):
        yield b"\x00" * 65_536
    yield b"\r\n--frontier--\r\n"


async def test_a_file_past_the_limit_is_refused_while_it_comes_in() -> None:
    async with scripted_edge(policy=Unlimited(max_bytes=1 << 20)) as edge:
        assert await post(edge, chunks(4 << 20), **{"Content-Type": FORM}) == (413, "file_too_large")
        large = io_form(b"\x00" * (8 << 20))
        assert await post(edge, large) == (413, "file_too_large")
        await healthy(edge)


def io_form(data: bytes) -> aiohttp.FormData:
    import io

    made = aiohttp.FormData(quote_fields=False)
    made.add_field("file", io.BytesIO(data), filename="a")
    return made


async def test_a_large_upload_takes_no_memory() -> None:
    async with scripted_edge() as edge:
        await healthy(edge)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        status, code = await post(edge, chunks(256 << 20), **{"Content-Type": FORM})
        assert (status, code) == (400, "unreadable_media")
        # The client of the test lives in the same process and is counted too.
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_a_full_disk_is_told(tmp_path: Path) -> None:
    async with open_spool(tmp_path) as spool:
        full = os.open("/dev/full", os.O_WRONLY)
        try:
            os.dup2(full, spool.descriptor)
        finally:
            os.close(full)
        with pytest.raises(SpoolFull) as caught:
            await spool.append(b"x" * (3 << 20))
            await spool.flush()
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.ENOSPC
        assert caught.value.status == 503


async def test_connections_of_one_address_are_capped() -> None:
    async with scripted_edge(connections_per_address=3) as edge:
        host, port = edge.url.removeprefix("http://").split(":")
        held = [await asyncio.open_connection(host, int(port)) for _ in range(3)]
        status, answer = answer_of(await exchange(edge, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"))
        assert (status, answer["code"]) == (429, "too_many_connections")
        assert answer["request_id"]
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(20):
            while True:
                raw = await exchange(edge, b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                if answer_of(raw)[0] == 200:
                    break


async def test_a_refused_caller_is_not_asked_for_the_body() -> None:
    async with scripted_edge(transcription=False) as edge:
        head = (
            f"POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 99\r\n"
            "Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        raw = await exchange(edge, head.encode())
        assert raw.startswith(b"HTTP/1.1 503 ")


async def test_a_client_gone_in_mid_upload_leaves_nothing() -> None:
    async with scripted_edge() as edge:
        await healthy(edge)
        before = edge.open_files()
        host, port = edge.url.removeprefix("http://").split(":")
        for _ in range(5):
            _, writer = await asyncio.open_connection(host, int(port))
            head = f"POST /v1/transcribe HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 9999999\r\n\r\n"
            writer.write(
                head.encode() + b"--frontier\r\nContent-Disposition: form-data; name=file\r\n\r\n" + b"x" * 70_000
            )
            await writer.drain()
            writer.transport.abort()
        async with asyncio.timeout(30):
            while edge.open_files() > before:
                await asyncio.sleep(0.01)
        await healthy(edge)
