"""(e) and overload: how fast a cancelled request leaves the queue, and ten times what the machine can do."""

import argparse
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from speech.v1 import transcription_pb2, transcription_pb2_grpc

from bench.corpus import joined, write_flac
from bench.load import median, post, row, table
from tests.house import House

QUEUE_SECONDS = 300


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--cancels", type=int, default=100)


def busy(stub: transcription_pb2_grpc.TranscriptionServiceStub) -> bool:
    """Whether anything waits or is in the engine."""
    load = stub.GetRuntime(transcription_pb2.TranscriptionServiceGetRuntimeRequest()).load
    return bool(load.queued or load.slots_in_use)


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
    with grpc.insecure_channel(f"127.0.0.1:{service.port}") as channel:
        stub = transcription_pb2_grpc.TranscriptionServiceStub(channel)
        while len(times) < 5:
            hang_up(4.0)
            begun = time.monotonic()
            if not busy(stub):
                raise RuntimeError("the recording was done before its caller went away")
            while busy(stub):
                time.sleep(0.01)
            times.append(time.monotonic() - begun)
    hang_up(1.0)
    before = service.resident_bytes(), house.edge.resident_bytes()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: hang_up(1.0), range(count)))
    time.sleep(3)
    after = service.resident_bytes(), house.edge.resident_bytes()
    grown = [f"{(late - early) / 2**20:+.0f} MiB" for early, late in zip(before, after, strict=True)]
    return [
        row("client gone to empty queue and idle engine, median of 5", f"{median(times):.2f} s"),
        row("longest", f"{max(times):.2f} s"),
        row(f"memory after {count} cancelled requests: Transcription", grown[0]),
        row("edge", grown[1]),
    ]


def overload(house: House, file: Path) -> list[str]:
    """Many more requests than the queue holds: who is let in finishes, the others hear so at once."""
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: post(house.url, file, language="en", diarize="false"), range(40)))
    admitted = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 503]
    others = len(answers) - len(admitted) - len(refused)
    waits = sorted({answer.retry_after or "none" for answer in refused})
    return [
        row("requests at once, of 3 minutes each", len(answers)),
        row("finished", len(admitted)),
        row("refused with 503", len(refused)),
        row("answered otherwise", others),
        row("refusal, median", f"{1000 * median([answer.wall for answer in refused]):.0f} ms" if refused else "none"),
        row("Retry-After said", ", ".join(waits)),
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
