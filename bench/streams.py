"""(m) The edge alone: live streams of 100 ms frames on one core, before a service that hears at no cost."""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import aiohttp
import psutil

from bench.load import cpu_of, row, table
from tests.house import ROOT, Process, free_port
from tests.scripted_speech import spoken

FRAME_BYTES = 3200
FRAMES_A_BLOCK = 5
START_SECONDS = 60.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of this benchmark."""
    parser.add_argument("--edge-streams", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--edge-seconds", type=float, default=10.0, help="how long each case runs")


def run(args: argparse.Namespace) -> str:
    """Idle memory, CPU a frame, and the time that the edge and the hop behind it add to an answer."""
    rows = []
    with pinned() as edge:
        for count in args.edge_streams:
            rows.append(asyncio.run(_case(edge, count, args.edge_seconds)))
    head = table(
        "streams", "memory of an idle stream", "CPU of the edge", "CPU a frame", "added p50", "added p99", "cut off"
    )
    note = (
        "The edge has one core for itself; clients and the scripted service share the other. Each stream sends 10 "
        "frames a second and gets 2 partials; added is the time from a frame to the partial it completes, the hop to "
        "the service and the clients' own turns included. Targets: 64 KiB, 150 microseconds, p99 10 ms at 400 streams."
    )
    return "\n".join(["### Live streams of the edge alone", "", head, *rows, "", note])


@contextlib.contextmanager
def pinned() -> Iterator[Process]:
    """An edge on the first core; everything else, this process too, on the others."""
    cores = sorted(os.sched_getaffinity(0))
    mine, others = {cores[0]}, set(cores[1:]) or set(cores)
    os.sched_setaffinity(0, others)
    replica = subprocess.Popen(
        [sys.executable, "-m", "tests.scripted_replica"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert replica.stdout is not None
        address = replica.stdout.readline().strip()
        port = free_port()
        settings = {
            "EDGE_PORT": str(port),
            "EDGE_POLICY": "open",
            "EDGE_LOG_LEVEL": "warning",
            "EDGE_TRANSCRIPTION_ADDRESSES": address,
            "EDGE_CONNECTIONS_PER_ADDRESS": "10000",
        }
        edge = Process("edge", port, port, [sys.executable, "-m", "edge"], {**os.environ, **settings})
        edge.start()
        try:
            os.sched_setaffinity(edge.pid, mine)
            edge.wait(f"http://127.0.0.1:{port}/readyz", time.monotonic() + START_SECONDS)
            for thread in psutil.Process(edge.pid).threads():
                os.sched_setaffinity(thread.id, mine)
            yield edge
        finally:
            edge.stop()
    finally:
        replica.kill()
        replica.wait()


async def _case(edge: Process, count: int, seconds: float) -> str:
    added: list[float] = []
    cut: list[int | None] = []
    begin = asyncio.Event()
    opened = asyncio.Semaphore(0)
    before = edge.resident_bytes()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http, asyncio.TaskGroup() as group:
        streams = [
            group.create_task(_stream(http, edge.port, opened, begin, number / count / 10, seconds, added, cut))
            for number in range(count)
        ]
        for _ in range(count):
            await opened.acquire()
        idle = (edge.resident_bytes() - before) / count / 1024
        cpu, clock = cpu_of([edge]), time.monotonic()
        begin.set()
        await asyncio.sleep(seconds)
        cpu, clock = cpu_of([edge]) - cpu, time.monotonic() - clock
        await asyncio.wait(streams)
    if cut:
        print(f"{len(cut)} streams were cut off: {Counter(cut)}; the edge said:", edge.logged()[-2000:], flush=True)
    added.sort()
    frames = count * seconds * 10
    return row(
        count,
        f"{idle:.0f} KiB",
        f"{100 * cpu / clock:.0f} %",
        f"{1e6 * cpu / frames:.0f} \u00b5s",
        f"{1000 * added[len(added) // 2]:.1f} ms",
        f"{1000 * added[int(len(added) * 0.99)]:.1f} ms",
        len(cut),
    )


async def _stream(
    http: aiohttp.ClientSession,
    port: int,
    opened: asyncio.Semaphore,
    begin: asyncio.Event,
    offset: float,
    seconds: float,
    added: list[float],
    cut: list[int | None],
) -> None:
    pcm = spoken([number % 3000 + 1 for number in range(int(seconds * 2))])
    sent: dict[int, float] = {}
    async with http.ws_connect(f"http://127.0.0.1:{port}/v1/stream") as ws:
        await ws.send_str("{}")
        await ws.receive()
        opened.release()
        await begin.wait()
        await asyncio.sleep(offset)
        reading = asyncio.create_task(_read(ws, sent, added))
        start = time.monotonic()
        try:
            for number in range(len(pcm) // FRAME_BYTES):
                await ws.send_bytes(pcm[number * FRAME_BYTES : (number + 1) * FRAME_BYTES])
                if number % FRAMES_A_BLOCK == FRAMES_A_BLOCK - 1:
                    sent[number // FRAMES_A_BLOCK] = time.monotonic()
                await asyncio.sleep(max(0.0, start + (number + 1) / 10 - time.monotonic()))
            await ws.send_json({"action": "stop"})
        except ConnectionError:
            cut.append(ws.close_code)
        await reading


async def _read(ws: aiohttp.ClientWebSocketResponse, sent: dict[int, float], added: list[float]) -> None:
    async for received in ws:
        message = json.loads(received.data)
        # The scripted service names the block that completed a partial by its start.
        if message["partial"] and (block := round(2 * message["end"])) in sent:
            added.append(time.monotonic() - sent[block])
