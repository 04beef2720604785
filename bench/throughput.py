"""How much audio a server works off by how many ask at once: a house of this machine, or a server elsewhere."""

import argparse
import contextlib
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from bench.corpus import joined, write_flac
from bench.load import median, row, table
from bench.words import error_rate
from tests.house import House

SECONDS = 30
AT_ONCE = (1, 4, 16)
ROUNDS = 3


def configure(parser: argparse._ArgumentGroup) -> None:
    """Add this benchmark's flags."""
    parser.add_argument("--url", help="base address of a server that runs already, such as one with a GPU")
    parser.add_argument("--key", default="", help="its API key")
    parser.add_argument("--model", default="", help="the model to ask for; none: the server's own default")
    parser.add_argument("--at-once", type=int, nargs="+", default=list(AT_ONCE))


def run(args: argparse.Namespace) -> str:
    """As many recordings as are asked for at once, three times each."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = [joined(SECONDS, seed=seed) for seed in range(max(args.at_once))]
        files = [write_flac(pcm, folder / f"{number}.flac") for number, (pcm, _) in enumerate(made)]
        url = args.url.rstrip("/") if args.url else stack.enter_context(House()).url
        models: set[str] = set()

        def post(number: int) -> str:
            fields = {"language": "en", "diarize": "false", **({"model": args.model} if args.model else {})}
            headers = {"Authorization": f"Bearer {args.key}"} if args.key else {}
            with files[number].open("rb") as audio:
                form = {"file": (files[number].name, audio)}
                reply = requests.post(f"{url}/v1/transcribe", files=form, data=fields, headers=headers, timeout=3600)
            reply.raise_for_status()
            models.add(reply.headers["X-Model"])
            return str(reply.json()["text"])

        post(0)
        rows = []
        for count in args.at_once:
            walls, texts = [], []
            for _ in range(ROUNDS):
                begun = time.monotonic()
                with ThreadPoolExecutor(count) as pool:
                    texts = list(pool.map(post, range(count)))
                walls.append(time.monotonic() - begun)
            rate = error_rate([text for _, text in made[:count]], texts)
            rows.append(row(count, f"{median(walls):.1f} s", f"{count * SECONDS / median(walls):.1f}", f"{rate:.2f} %"))
    where = "a server elsewhere" if args.url else "this machine"
    head = table(f"recordings of {SECONDS} s at once", "wall, median", "times real time", "WER")
    return "\n".join([f"### Throughput of {where}, model {', '.join(sorted(models))}", "", head, *rows])
