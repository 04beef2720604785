"""(a2) Fourteen short clips, eight at a time, over REST: beside faster-whisper-server and whisper.cpp's server."""

import argparse
import contextlib
import os
import re
import subprocess
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from bench.corpus import RATE, utterances
from bench.load import in_turn, median, post, row, table
from bench.models import base_folder
from bench.words import error_rate
from tests.house import House, free_port

CLIPS = 14
AT_ONCE = 8


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--faster-whisper-server", type=Path, help="its command, in an environment of its own")
    parser.add_argument("--whisper-cpp-server", type=Path, help="its binary")
    parser.add_argument("--ggml", type=Path, action="append", default=[], help="the same weights for whisper.cpp")
    parser.add_argument("--server-repeats", type=int, default=3)


@contextlib.contextmanager
def server(command: list[str], port: int) -> Iterator[str]:
    """A peer's server, once it takes connections."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        for _ in range(600):
            if child.poll() is not None:
                raise RuntimeError(f"the peer ended: {command}")
            with contextlib.suppress(requests.RequestException):
                requests.get(f"http://127.0.0.1:{port}/", timeout=1)
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.kill()
        child.wait()


def openai_post(url: str, path: str) -> Callable[[Path], str]:
    """Post to a server that speaks OpenAI's form, or whisper.cpp's, which is alike."""

    def one(file: Path) -> str:
        with file.open("rb") as audio:
            fields = {"language": "en", "response_format": "json", "temperature": "0"}
            reply = requests.post(f"{url}{path}", files={"file": (file.name, audio)}, data=fields, timeout=900)
        reply.raise_for_status()
        return str(reply.json()["text"])

    return one


def at_once(one: Callable[[Path], str], files: list[Path], texts: list[str]) -> Callable[[], float]:
    """A side of the comparison: all clips, eight at a time; keeps what was heard in `texts`."""

    def side() -> float:
        begun = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            texts[:] = list(pool.map(one, files))
        return time.monotonic() - begun

    return side


def run(args: argparse.Namespace) -> str:
    """Each server loaded by itself, its clips posted in turns with ours."""
    pool = [one for one in utterances() if one.language == "en" and 2 < len(one.pcm) / RATE < 20 and one.text]
    chosen = pool[:: max(1, len(pool) // CLIPS)][:CLIPS]
    seconds = sum(len(one.pcm) for one in chosen) / RATE
    references = [one.text for one in chosen]
    rows = []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        files = []
        for number, one in enumerate(chosen):
            files.append(Path(folder) / f"{number}.wav")
            with wave.open(str(files[-1]), "wb") as out:
                out.setparams((1, 2, RATE, 0, "NONE", ""))
                out.writeframes(one.pcm.tobytes())
        sides: dict[str, tuple[Callable[[], float], list[str]]] = {}
        house = stack.enter_context(House())
        heard: list[str] = []
        ours = lambda file: post(house.url, file, language="en", diarize="false").text  # noqa: E731
        sides["Verbatim"] = (at_once(ours, files, heard), heard)
        if args.faster_whisper_server:
            for name, extra in (("", ""), (" with VAD and words", ", vad_filter: true, word_timestamps: true")):
                config = Path(folder) / f"config{len(sides)}.yaml"
                config.write_text(
                    f"models:\n  - name: whisper-1\n    path: {base_folder()}\n"
                    "    model_options: {device: cpu, compute_type: int8, cpu_threads: 2}\n"
                    f"    transcribe_options: {{beam_size: 5{extra}}}\n"
                )
                port = free_port()
                command = [str(args.faster_whisper_server), "--config", str(config), "--port", str(port)]
                url = stack.enter_context(server(command, port))
                heard = []
                sides[f"faster-whisper-server{name}"] = (
                    at_once(openai_post(url, "/v1/audio/transcriptions"), files, heard),
                    heard,
                )
        for ggml in args.ggml:
            port = free_port()
            command = [str(args.whisper_cpp_server), "-m", str(ggml), "--port", str(port), "-t", "2", "-bs", "5"]
            url = stack.enter_context(server(command, port))
            heard = []
            kind = re.sub(r"^ggml-?(model-?)?|\.bin$", "", ggml.name) or "f16"
            sides[f"whisper.cpp server ({kind})"] = (at_once(openai_post(url, "/inference"), files, heard), heard)
        for side, _ in sides.values():
            side()
        figures = dict(zip(sides, in_turn(args.server_repeats, *(side for side, _ in sides.values())), strict=True))
        own = median(figures["Verbatim"])
        for name, (_, heard) in sides.items():
            wall = median(figures[name])
            rate = error_rate(references, heard)
            rows.append(row(name, f"{wall:.1f} s", f"{seconds / wall:.1f}", f"{rate:.2f} %", f"{wall / own:.2f}x"))
    head = table("server", "wall, median", "times real time", "WER", "Verbatim is faster by")
    title = f"### {CLIPS} short clips ({seconds:.0f} s in all), {AT_ONCE} at a time, over REST (beam 5, same weights)"
    return "\n".join([title, "", head, *rows])
