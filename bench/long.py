"""(b) One long recording, beside faster-whisper's batched pipeline and the slower engines with the same weights."""

import argparse
import re
import subprocess
import tempfile
import time
from pathlib import Path

from bench.corpus import joined, write_flac
from bench.load import Peer, cpu_of, in_turn, median, post, row, table
from bench.models import base_folder
from bench.words import error_rate
from tests.house import House


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--long-repeats", type=int, default=3)
    parser.add_argument("--slow-minutes", type=float, default=3.0, help="length for the engines that are far slower")
    parser.add_argument("--slow-repeats", type=int, default=1)
    parser.add_argument("--whisper-cpp", type=Path, help="whisper-cli")
    parser.add_argument("--whisper-cpp-model", type=Path)
    parser.add_argument("--openai-python", help="an interpreter that has openai-whisper")
    parser.add_argument("--openai-model", type=Path)


def whisper_cpp(args: argparse.Namespace, file: Path) -> tuple[float, str]:
    """Wall seconds of whisper.cpp's own command, its load included, and the text."""
    wav = file.with_suffix(".wav")
    command = [str(args.whisper_cpp), "-m", str(args.whisper_cpp_model), "-f", str(file), "-t", "2", "-bs", "5", "-np"]
    begun = time.monotonic()
    done = subprocess.run([*command, "-l", "en"], capture_output=True, text=True, check=True)
    wav.unlink(missing_ok=True)
    return time.monotonic() - begun, re.sub(r"\[[^]]*\]\s*", " ", done.stdout)


def run(args: argparse.Namespace) -> str:
    """The whole length beside the batched pipeline; a shorter one beside the others."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        pcm, reference = joined(60 * args.minutes, seed=1)
        file = write_flac(pcm, Path(folder) / "long.flac")
        short_pcm, short_reference = joined(60 * args.slow_minutes, seed=1)
        short = write_flac(short_pcm, Path(folder) / "short.flac")
        with House() as house:
            texts: dict[str, str] = {}
            used: dict[str, list[float]] = {}

            def ours(which: Path = file) -> float:
                before = cpu_of(list(house.processes))
                answer = post(house.url, which, language="en", diarize="false")
                texts["Verbatim"] = answer.text
                used.setdefault("Verbatim", []).append(cpu_of(list(house.processes)) - before)
                return answer.wall

            def of(name: str, peer: Peer, which: Path = file) -> float:
                answer = peer.transcribe(which, language="en")
                texts[name] = answer["text"]
                used.setdefault(name, []).append(answer["cpu"])
                return float(answer["wall"])

            batched = Peer("batched", base_folder(), threads=2)
            name = "BatchedInferencePipeline, 8"
            walls = in_turn(args.long_repeats, ours, lambda: of(name, batched))
            batched.close()
            for side, figures in zip(("Verbatim", name), walls, strict=True):
                ratio = median(figures) / median(walls[1])
                cpu = f"{median(used[side]):.0f} s"
                length = f"{args.minutes:g} min"
                rows.append(
                    row(
                        side,
                        length,
                        f"{median(figures):.1f} s",
                        cpu,
                        f"{ratio:.2f}x",
                        f"{error_rate([reference], [texts[side]]):.2f} %",
                    )
                )
            used.clear()
            plain = Peer("whisper", base_folder(), threads=2)
            sides = {"Verbatim": lambda: ours(short), "WhisperModel": lambda: of("WhisperModel", plain, short)}
            openai = None
            if args.openai_python:
                openai = Peer("openai", args.openai_model, threads=2, python=args.openai_python)
                raw = Path(folder) / "short.s16"
                raw.write_bytes(short_pcm.tobytes())
                slow = openai
                sides["openai-whisper"] = lambda: of("openai-whisper", slow, raw)
            if args.whisper_cpp:

                def cpp() -> float:
                    wall, texts["whisper.cpp"] = whisper_cpp(args, short)
                    return wall

                sides["whisper.cpp"] = cpp
            slow_walls = dict(zip(sides, in_turn(args.slow_repeats, *sides.values()), strict=True))
            plain.close()
            if openai:
                openai.close()
            base = median(slow_walls["Verbatim"])
            for side, figures in slow_walls.items():
                cpu = f"{median(used[side]):.0f} s" if side in used else ""
                ratio = f"{median(figures) / base:.2f}x of Verbatim"
                length = f"{args.slow_minutes:g} min"
                rate = f"{error_rate([short_reference], [texts[side]]):.2f} %"
                rows.append(row(side, length, f"{median(figures):.1f} s", cpu, ratio, rate))
    head = table("engine", "recording", "wall, median", "CPU", "wall beside the batched pipeline", "WER")
    return "\n".join(["### One long recording (beam 5, words, language given, two threads each)", "", head, *rows])
