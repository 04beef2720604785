"""(d) Peak memory: a recording of three hours, and four uploads of 2 GB at once."""

import argparse
import socket
import tempfile
import threading
from pathlib import Path

from bench.corpus import joined, write_flac
from bench.load import peak_memory, post, row, table
from tests.house import House

MIB = 2**20


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--engine", choices=("scripted", "real"), default="real", help="what decodes the long one")


def upload(port: int, size: int) -> int:
    """Post `size` bytes that are no recording, in one part; returns the HTTP status."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    tail = b"\r\n--b--\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            b"POST /v1/transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            + f"Content-Length: {len(head) + size + len(tail)}\r\n\r\n".encode()
            + head
        )
        block = b"\0" * MIB
        for _ in range(size // MIB):
            connection.sendall(block)
        connection.sendall(tail)
        return int(connection.recv(4096).split()[1])


def run(args: argparse.Namespace) -> str:
    """Peaks above what each process held when it was ready: loaded, and warmed up by one inference."""
    settings = {"TRANSCRIPTION_ENGINE": "scripted"} if args.engine == "scripted" else {}
    rows = []
    with tempfile.TemporaryDirectory() as folder, House(settings=settings) as house:
        pcm, _ = joined(600, seed=3)
        idle = {process.name: process.resident_bytes() for process in house.processes}
        import numpy as np

        times = max(1, round(args.hours * 6))
        long = write_flac(np.tile(pcm, times), Path(folder) / "long.flac")
        with peak_memory(list(house.processes)) as peaks:
            answer = post(house.url, long, language="en", diarize="false")
        length = f"{answer.body['duration'] / 3600:.2f} h"
        for name, peak in peaks.items():
            rows.append(
                row(f"one recording of {length}", name, f"{idle[name] / MIB:.0f}", f"+{(peak - idle[name]) / MIB:.0f}")
            )
        with peak_memory([house.edge]) as peaks:
            statuses: list[int] = []
            threads = [
                threading.Thread(target=lambda: statuses.append(upload(house.edge.port, 2000 * MIB))) for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        rows.append(
            row(
                f"four uploads of 2,000 MiB at once (answers {sorted(statuses)})",
                "edge",
                f"{idle['edge'] / MIB:.0f}",
                f"+{(peaks['edge'] - idle['edge']) / MIB:.0f}",
            )
        )
    head = table("work", "process", "ready, MiB", "peak above it, MiB")
    return "\n".join([f"### Memory ({args.engine} engine)", "", head, *rows])
