"""`stt`: the client as a command."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from verbatim_client.client import Client
from verbatim_client.errors import VerbatimError

CHUNK_BYTES = 8192


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="stt", description="Speech to text by a Verbatim server.")
    made.add_argument("--url", default=os.environ.get("STT_URL", "http://127.0.0.1:8080"), help="the server")
    made.add_argument("--key", default=os.environ.get("STT_API_KEY", ""), help="an API key")
    commands = made.add_subparsers(dest="command", required=True)
    transcribe = commands.add_parser("transcribe", help="transcribe a recording")
    transcribe.add_argument("file", type=Path)
    transcribe.add_argument("--format", default="txt", choices=["txt", "json", "srt", "vtt", "rttm"])
    transcribe.add_argument("--model")
    transcribe.add_argument("--language")
    transcribe.add_argument("--speakers", type=int)
    transcribe.add_argument("--no-diarize", dest="diarize", action="store_false", default=None)
    listen = commands.add_parser("listen", help="stream raw 16 kHz mono PCM from a file or, with -, from a pipe")
    listen.add_argument("file")
    listen.add_argument("--model")
    listen.add_argument("--language")
    summarize = commands.add_parser("summarize", help="summarize a text file or, with -, a pipe")
    summarize.add_argument("file")
    summarize.add_argument("--style", default="brief")
    for name in ("models", "languages", "health"):
        commands.add_parser(name, help=f"show {name}")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a refusal goes to standard error and gives exit code 1."""
    given = parser().parse_args(arguments)
    client = Client(given.url, key=given.key)
    try:
        return _run(client, given)
    except VerbatimError as error:
        sys.stderr.write(f"stt: {error.message}\n")
        return 1


def _run(client: Client, given: argparse.Namespace) -> int:
    match given.command:
        case "transcribe":
            options = {name: getattr(given, name) for name in ("model", "language", "speakers", "diarize")}
            answer = client.transcribe(given.file, response_format=given.format, **_set(options))
            _write(answer)
        case "listen":
            _listen(client, given)
        case "summarize":
            text = sys.stdin.read() if given.file == "-" else Path(given.file).read_text(encoding="utf-8")
            _write(client.summarize(text, style=given.style)["summary"])
        case _:
            _write(getattr(client, given.command)())
    return 0


def _listen(client: Client, given: argparse.Namespace) -> None:
    stream = client.stream(**_set({"model": given.model, "language": given.language}))
    stream.on_message = lambda message: _write(message["text"]) if message["text"] else None
    # Descriptor 0 is standard input.
    with open(0 if given.file == "-" else given.file, "rb") as source, stream:  # noqa: PTH123 - a descriptor has no path
        while chunk := source.read(CHUNK_BYTES):
            stream.send(chunk)
        stream.finish()


def _set(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _write(answer: Any) -> None:
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, indent=2)
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
