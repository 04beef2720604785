"""(c) What edge, media and RPC add: CPU seconds beside the engine's, for recordings of some minutes."""

import argparse
import tempfile
from pathlib import Path

from bench.corpus import joined, write_flac
from bench.load import cpu_of, post, row, table
from tests.house import House

MINUTES = 5.0


def run(args: argparse.Namespace) -> str:
    """CPU of the edge and its media child, and of Transcription as a whole, over the same requests."""
    del args
    rows = []
    with tempfile.TemporaryDirectory() as folder, House() as house:
        service = house.services["transcription"][0]
        for seed in range(3):
            pcm, _ = joined(60 * MINUTES, seed=seed)
            file = write_flac(pcm, Path(folder) / f"{seed}.flac")
            before = cpu_of([house.edge]), cpu_of([service])
            post(house.url, file, language="en", diarize="false")
            edge, engine = cpu_of([house.edge]) - before[0], cpu_of([service]) - before[1]
            hours = MINUTES / 60
            rows.append(
                row(
                    f"{MINUTES:g} min",
                    f"{edge / hours:.1f} s",
                    f"{engine / hours:.0f} s",
                    f"{100 * edge / engine:.2f} %",
                )
            )
    head = table("recording", "edge and media, CPU per audio hour", "Transcription, CPU per audio hour", "added")
    note = (
        "RPC inside Transcription is counted with the engine; what is added is the edge's side of it, "
        "the upload and the media child."
    )
    return "\n".join(["### What the edge adds", "", head, *rows, "", note])
