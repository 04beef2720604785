"""(g) Two Transcription processes of one thread each, beside one. Each has a core of its own."""

import argparse
import os
import tempfile
from pathlib import Path

from bench.corpus import joined, write_flac
from bench.load import in_turn, median, post_all, row, table
from tests.house import House

ONE_THREAD = {"TRANSCRIPTION_WORKERS": "1", "TRANSCRIPTION_THREADS": "1"}


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--scaling-repeats", type=int, default=3)


def pin(house: House) -> None:
    """Give each Transcription process one core, as a container with a limit of one has; the rest may use all."""
    cores = sorted(os.sched_getaffinity(0))
    for process, core in zip(house.services["transcription"], cores, strict=False):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def run(args: argparse.Namespace) -> str:
    """Sixteen recordings of 25 s at once."""
    with tempfile.TemporaryDirectory() as folder:
        files = [write_flac(joined(25, seed=seed)[0], Path(folder) / f"{seed}.flac") for seed in range(16)]
        with House(settings=ONE_THREAD) as single, House(transcription=2, settings=ONE_THREAD) as double:
            pin(single)
            pin(double)

            def through(house: House) -> float:
                return post_all(house.url, files, at_once=len(files), language="en", diarize="false")[0]

            through(single)
            through(double)
            one, two = in_turn(args.scaling_repeats, lambda: through(single), lambda: through(double))
    ratio = median(one) / median(two)
    head = table("Transcription processes", "wall, median", "throughput")
    rows = [row("1", f"{median(one):.1f} s", "1"), row("2", f"{median(two):.1f} s", f"**{ratio:.2f}x**")]
    note = f"{os.cpu_count()} cores; each process on one of them, edge, media and the client on all of them."
    return "\n".join(["### One and two Transcription processes of one thread", "", head, *rows, "", note])
