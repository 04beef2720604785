"""(f) A clip of 3 s while a recording of 30 minutes runs, beside the same clip on the idle machine."""

import argparse
import contextlib
import tempfile
import threading
import time
from pathlib import Path

import requests

from bench.corpus import joined, write_flac
from bench.load import median, post, row, table
from tests.house import House

TRIES = 9


def run(args: argparse.Namespace) -> str:
    """Medians and the worst."""
    del args
    with tempfile.TemporaryDirectory() as folder, House() as house:
        pcm, _ = joined(30, seed=5)
        clip = write_flac(pcm[: 3 * 16_000], Path(folder) / "clip.flac")
        long = write_flac(joined(1800, seed=6)[0], Path(folder) / "long.flac")

        def clips() -> list[float]:
            walls = []
            for _ in range(TRIES):
                walls.append(post(house.url, clip, language="en", diarize="false").wall)
                time.sleep(0.5)
            return walls

        post(house.url, clip, language="en", diarize="false")
        idle = clips()

        def occupy() -> None:
            with contextlib.suppress(requests.ConnectionError):  # it is cut off when enough was measured
                post(house.url, long, language="en", diarize="false")

        busy = threading.Thread(target=occupy, daemon=True)
        busy.start()
        time.sleep(5)
        beside = clips()
        running = busy.is_alive()
    ratio = median(beside) / median(idle)
    head = table("clip of 3 s", "median", "worst of 9")
    rows = [
        row("idle machine", f"{median(idle):.2f} s", f"{max(idle):.2f} s"),
        row(f"beside 30 minutes (still running: {running})", f"{median(beside):.2f} s", f"{max(beside):.2f} s"),
        row("ratio", f"**{ratio:.2f}x**", f"{max(beside) / max(idle):.2f}x"),
    ]
    return "\n".join(["### A short clip beside a long recording", "", head, *rows])
