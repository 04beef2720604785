"""(a) Eight different recordings of 25 s at once, beside `WhisperModel` called one by one with the same options."""

import argparse
import tempfile
from pathlib import Path

from bench.corpus import joined, write_flac
from bench.load import Peer, cpu_of, in_turn, median, post_all, row, table
from bench.models import base_folder
from tests.house import House

SECONDS = 25.0
COUNT = 8


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--repeats", type=int, default=3, help="rounds of A and B; the median counts")


def measure(files: list[Path], repeats: int, language: str | None) -> str:
    """One row of the table for one set of recordings."""
    fields = {"language": language} if language else {}
    with House() as house:
        peer = Peer("whisper", base_folder(), threads=2)
        try:
            services = list(house.processes)
            used: list[float] = []
            peers_used: list[float] = []

            def ours() -> float:
                before = cpu_of(services)
                wall, _ = post_all(house.url, files, at_once=len(files), diarize="false", **fields)
                used.append(cpu_of(services) - before)
                return wall

            def theirs() -> float:
                answers = [peer.transcribe(file, language=language) for file in files]
                peers_used.append(sum(answer["cpu"] for answer in answers))
                return float(sum(answer["wall"] for answer in answers))

            ours()
            first, second = in_turn(repeats, ours, theirs)
        finally:
            peer.close()
    ratio = median(second) / median(first)
    return row(
        language or "found",
        f"{median(first):.1f} s",
        f"{median(used):.1f} s",
        f"{median(second):.1f} s",
        f"{median(peers_used):.1f} s",
        f"**{ratio:.2f}x**",
    )


def run(args: argparse.Namespace) -> str:
    """English with the language given, then languages mixed and to be found."""
    with tempfile.TemporaryDirectory() as folder:
        english = [write_flac(joined(SECONDS, seed=seed)[0], Path(folder) / f"en{seed}.flac") for seed in range(COUNT)]
        mixed = [
            write_flac(joined(SECONDS, seed=seed, language=language)[0], Path(folder) / f"mixed{seed}.flac")
            for seed, language in enumerate(("en", "de", "es", "fr", "ja", "zh", "en", "de"))
        ]
        rows = [measure(english, args.repeats, "en"), measure(mixed, args.repeats, None)]
    head = table("language", "Verbatim, wall", "CPU", "WhisperModel one by one, wall", "CPU", "throughput")
    return "\n".join(["### Eight recordings of 25 s at once (beam 5, words)", "", head, *rows])
