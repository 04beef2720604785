"""Long live streams: memory while one goes on for half an hour, and what is invented where nobody speaks."""

import argparse
import asyncio
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.corpus import RATE, SHARED, joined
from bench.live_clients import Heard, verbatim
from bench.load import row, table
from tests.audio import clip_pcm, music, silence, white_noise
from tests.house import House

MIB = 2**20
REPORTS = 6
PIECE_SECONDS = 300
"""Speech that is said again and again."""


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--endurance-minutes", type=float, default=30.0)
    parser.add_argument("--endurance-engine", choices=("scripted", "real"), default="real", help="for the long stream")
    parser.add_argument("--wordless-minutes", type=float, default=5.0, help="of silence, noise and music; 0: none")


def run(args: argparse.Namespace) -> str:
    """Memory of each process over a real-time stream; words of streams without speech."""
    parts = ["### Long live streams"]
    if args.wordless_minutes:
        head = table("nothing is said for", "minutes", "words", "tentative words")
        parts += ["", head, *_quiet(args.wordless_minutes)]
    if args.endurance_minutes:
        engine = args.endurance_engine
        settings = {"TRANSCRIPTION_ENGINE": "scripted"} if engine == "scripted" else {}
        with House(settings=settings) as house:
            rows = asyncio.run(_memory(house, args.endurance_minutes))
        names = [f"{process.name}, MiB" for process in house.processes]
        parts += ["", f"One stream in real time, engine {engine}:", "", table("minute", *names, "words"), *rows]
    return "\n".join(parts)


def _quiet(minutes: float) -> list[str]:
    seconds = 60 * minutes
    sounds: dict[str, NDArray[np.int16]] = {
        "silence": silence(seconds),
        "white noise": white_noise(seconds),
        "made music": music(seconds),
    }
    for name, file in (("recorded noise", "noise_only.flac"), ("synthesised music", "music_synth.flac")):
        if (SHARED / file).exists():
            pcm = clip_pcm(Path(SHARED / file))
            sounds[name] = np.tile(pcm, 1 + int(seconds * RATE) // len(pcm))[: int(seconds * RATE)]
    with House() as house:
        heard = {name: Heard() for name in sounds}

        async def all_at_once() -> None:
            await asyncio.gather(*(verbatim(house.url, pcm, heard[name]) for name, pcm in sounds.items()))

        asyncio.run(all_at_once())
    rows = []
    for name, one in heard.items():
        finals = one.messages[-1][1].split()
        tentative = {word for _, _, partial in one.messages for word in partial.split()}
        rows.append(row(name, f"{minutes:g}", len(finals), len(tentative)))
    return rows


async def _memory(house: House, minutes: float) -> list[str]:
    piece, _ = joined(PIECE_SECONDS, seed=11)
    times = 1 + int(60 * minutes * RATE) // len(piece)
    pcm = np.tile(piece, times)[: int(60 * minutes * RATE)]
    heard = Heard()
    streaming = asyncio.create_task(verbatim(house.url, pcm, heard))
    rows = [_row(house, 0.0, heard)]
    begun = time.monotonic()
    for number in range(1, REPORTS + 1):
        due = begun + 60 * minutes * number / REPORTS
        await asyncio.wait({streaming}, timeout=max(0.0, due - time.monotonic()))
        rows.append(_row(house, (time.monotonic() - begun) / 60, heard))
        print(rows[-1], flush=True)
    await streaming
    return rows


def _row(house: House, minute: float, heard: Heard) -> str:
    held = [f"{process.resident_bytes() / MIB:.0f}" for process in house.processes]
    return row(f"{minute:.1f}", *held, len(heard.messages[-1][1].split()) if heard.messages else 0)
