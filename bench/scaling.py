"""(g) Two Transcription processes of one thread each, beside one. Each has a core of its own."""

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc.aio
from speech.v1 import audio_pb2, transcription_pb2, transcription_pb2_grpc

from bench.corpus import joined
from bench.load import in_turn, median, row, table
from tests.house import House, Process

ONE_THREAD = {"TRANSCRIPTION_WORKERS": "1", "TRANSCRIPTION_THREADS": "1"}
COUNT = 24
AT_ONCE = 4
"""Recordings that each process has at once; it gets the next when it has done one."""
SECONDS = 25
CHUNK = 64_000


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--scaling-repeats", type=int, default=3)


def pin(services: Sequence[Process]) -> None:
    """Give each process one core, as a container with a limit of one has."""
    cores = sorted(os.sched_getaffinity(0))
    for process, core in zip(services, cores, strict=False):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


async def recognized(stub: transcription_pb2_grpc.TranscriptionServiceStub, pcm: bytes) -> None:
    """One recording, asked of one process as an internal service would: no edge between."""

    async def requests() -> AsyncIterator[transcription_pb2.TranscribeRequest]:
        config = transcription_pb2.TranscriptionConfig(
            language="en", mode=transcription_pb2.TRANSCRIPTION_MODE_FILE, expected_seconds=len(pcm) / 32_000
        )
        yield transcription_pb2.TranscribeRequest(config=config)
        for start in range(0, len(pcm), CHUNK):
            yield transcription_pb2.TranscribeRequest(audio=audio_pb2.AudioChunk(data=pcm[start : start + CHUNK]))
        yield transcription_pb2.TranscribeRequest(finish=audio_pb2.Finish())

    last = ""
    async for response in stub.Transcribe(requests()):
        last = response.WhichOneof("event")
    assert last == "done"


async def all_recognized(services: Sequence[Process], recordings: Sequence[bytes]) -> float:
    """Whoever has done one gets the next; returns wall seconds."""
    waiting = iter(recordings)

    async def worked_off(stub: transcription_pb2_grpc.TranscriptionServiceStub) -> None:
        for pcm in waiting:
            await recognized(stub, pcm)

    channels = [grpc.aio.insecure_channel(process.address) for process in services]
    stubs = [transcription_pb2_grpc.TranscriptionServiceStub(channel) for channel in channels]
    begun = time.monotonic()
    await asyncio.gather(*(worked_off(stub) for stub in stubs for _ in range(AT_ONCE)))
    wall = time.monotonic() - begun
    await asyncio.gather(*(channel.close() for channel in channels))
    return wall


def run(args: argparse.Namespace) -> str:
    """Recordings of 25 s over gRPC."""
    recordings = [joined(SECONDS, seed=seed)[0].tobytes() for seed in range(COUNT)]
    with House(transcription=2, settings=ONE_THREAD) as house:
        services = house.services["transcription"]
        pin(services)

        def through(count: int) -> float:
            return asyncio.run(all_recognized(services[:count], recordings))

        through(2)
        one, two = in_turn(args.scaling_repeats, lambda: through(1), lambda: through(2))
    ratio = median(one) / median(two)
    head = table("Transcription processes", "wall, median", "throughput")
    rows = [row("1", f"{median(one):.1f} s", "1"), row("2", f"{median(two):.1f} s", f"**{ratio:.2f}x**")]
    note = f"{COUNT} recordings of {SECONDS} s over gRPC, {AT_ONCE} a process; each has one of {os.cpu_count()} cores."
    return "\n".join(["### One and two Transcription processes of one thread", "", head, *rows, "", note])
