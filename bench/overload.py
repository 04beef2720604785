"""(e) and overload: how fast a cancelled request leaves the queue, and ten times what the machine can do."""

import argparse
import asyncio
import re
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from speech.v1 import audio_pb2, transcription_pb2, transcription_pb2_grpc

from bench.corpus import joined, write_flac
from bench.load import median, post, row, table
from tests.house import House

QUEUE_SECONDS = 300
BODY_AFTER = 0.2
"""Seconds from a request's headers to its body."""


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--cancels", type=int, default=100)


def load(stub: transcription_pb2_grpc.TranscriptionServiceStub) -> audio_pb2.Load:
    """What the service says of its work."""
    return stub.GetRuntime(transcription_pb2.TranscriptionServiceGetRuntimeRequest()).load


def busy(stub: transcription_pb2_grpc.TranscriptionServiceStub) -> bool:
    """Whether anything waits or is in the engine."""
    now = load(stub)
    return bool(now.queued or now.slots_in_use)


def cancels(house: House, file: Path, count: int) -> list[str]:
    """Post, hang up, and watch the queue empty; then the same many times, and the memory before and after."""
    service = house.services["transcription"][0]
    body = file.read_bytes()

    def hang_up(after: float) -> None:
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.flac"\r\n\r\n'
        tail = b"\r\n--b--\r\n"
        with socket.create_connection(("127.0.0.1", house.edge.port)) as connection:
            length = len(head) + len(body) + len(tail)
            connection.sendall(
                b"POST /v1/transcribe HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                + f"Content-Length: {length}\r\n\r\n".encode()
                + head
                + body
                + tail
            )
            time.sleep(after)

    times: list[float] = []
    emptied: list[float] = []
    with grpc.insecure_channel(f"127.0.0.1:{service.port}") as channel:
        stub = transcription_pb2_grpc.TranscriptionServiceStub(channel)
        while len(times) < 5:
            hang_up(4.0)
            begun = time.monotonic()
            if not busy(stub):
                raise RuntimeError("the recording was done before its caller went away")
            while load(stub).queued:
                time.sleep(0.005)
            emptied.append(time.monotonic() - begun)
            while busy(stub):
                time.sleep(0.005)
            times.append(time.monotonic() - begun)
    hang_up(1.0)
    before = service.resident_bytes(), house.edge.resident_bytes()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: hang_up(1.0), range(count)))
    time.sleep(3)
    after = service.resident_bytes(), house.edge.resident_bytes()
    grown = [f"{(late - early) / 2**20:+.0f} MiB" for early, late in zip(before, after, strict=True)]
    return [
        row("client gone to empty queue, median of 5", f"{median(emptied):.2f} s"),
        row("longest", f"{max(emptied):.2f} s"),
        row("client gone to idle engine, whose batches end", f"{median(times):.2f} s"),
        row("longest", f"{max(times):.2f} s"),
        row(f"memory after {count} cancelled requests: Transcription", grown[0]),
        row("edge", grown[1]),
    ]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and when its first byte did."""

    status: int
    seconds: float
    """From the last byte of the request's headers."""
    retry_after: int | None


async def ask(port: int, body: bytes, start: asyncio.Event) -> Reply:
    """Send headers when all are ready, the body a little later as over a network, and read the answer meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await start.wait()
    writer.write(
        b"POST /v1/transcribe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n" + f"Content-Length: {len(body)}\r\n\r\n".encode()
    )
    begun = time.monotonic()

    async def send() -> None:
        await asyncio.sleep(BODY_AFTER)
        writer.write(body)
        await writer.drain()

    sending = asyncio.create_task(send())
    status = int((await reader.readline()).split()[1])
    seconds = time.monotonic() - begun
    sending.cancel()
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    found = re.search(rb"Retry-After: (\d+)", head)
    return Reply(status, seconds, int(found[1]) if found else None)


async def all_at_once(port: int, body: bytes, count: int) -> list[Reply]:
    """Ask as many times at once."""
    start = asyncio.Event()
    asked = [asyncio.create_task(ask(port, body, start)) for _ in range(count)]
    await asyncio.sleep(1)
    start.set()
    return await asyncio.gather(*asked)


def overload(house: House, file: Path) -> list[str]:
    """Many more requests than the queue holds: who is let in finishes, the others hear so at once."""
    fields = {"language": "en", "diarize": "false"}
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.flac"\r\n\r\n'
    body = "".join(parts).encode() + head + file.read_bytes() + b"\r\n--b--\r\n"
    replies = asyncio.run(all_at_once(house.edge.port, body, 40))
    admitted = [reply for reply in replies if reply.status == 200]
    refused = sorted(reply.seconds for reply in replies if reply.status == 503)
    waits = sorted({reply.retry_after for reply in replies if reply.status == 503}, key=str)
    return [
        row("requests at once, of 3 minutes each", len(replies)),
        row("finished", len(admitted)),
        row("refused with 503", len(refused)),
        row("answered otherwise", len(replies) - len(admitted) - len(refused)),
        row("refusal after the headers, median", f"{1000 * median(refused):.0f} ms" if refused else "none"),
        row("longest", f"{1000 * refused[-1]:.0f} ms" if refused else "none"),
        row("Retry-After said", ", ".join(f"{wait} s" for wait in waits)),
        row("the last one admitted was done after", f"{max(reply.seconds for reply in admitted):.0f} s"),
    ]


def run(args: argparse.Namespace) -> str:
    """Cancels on one house, overload on one with a short queue."""
    with tempfile.TemporaryDirectory() as folder:
        file = write_flac(joined(180, seed=8)[0], Path(folder) / "three.flac")
        with House() as house:
            rows = cancels(house, file, args.cancels)
        with House(settings={"TRANSCRIPTION_QUEUE_SECONDS": str(QUEUE_SECONDS)}) as house:
            post(house.url, file, language="en", diarize="false")
            rows += overload(house, file)
    return "\n".join(["### Cancelled requests, and more than the machine can do", "", table("what", "figure"), *rows])
