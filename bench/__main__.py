"""`make bench`: run the benchmarks and put what they print into docs/accuracy-and-speed.md.

Each benchmark is a module with `run(args) -> str` that returns Markdown and `configure(parser)` for flags of its own,
and runs in a process of its own, so that none inherits another's memory or threads.
"""

import argparse
import importlib
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.plot import draw

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "accuracy-and-speed.md"
PICTURE = PAGE.with_name("speed.svg")
BENCHMARKS = (
    "accuracy",
    "timing",
    "together",
    "throughput",
    "servers",
    "long",
    "overhead",
    "memory",
    "overload",
    "beside",
    "scaling",
    "live",
    "endurance",
    "diarization",
    "streams",
    "ledger",
    "summaries",
    "vllm",
)
"""Names of the modules, in the order of the page."""


def parser_for(name: str | None) -> argparse.ArgumentParser:
    """The command line: common flags, then those of one benchmark, or of all."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="run these alone; may be repeated")
    parser.add_argument("--no-page", action="store_true", help="print, and leave the page as it is")
    parser.add_argument("--inside", choices=BENCHMARKS, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    for module in [name] if name else BENCHMARKS:
        configure = getattr(importlib.import_module(f"bench.{module}"), "configure", None)
        if configure:
            configure(parser.add_argument_group(module))
    return parser


def put(page: str, name: str, block: str) -> str:
    """Replace the block of one benchmark on the page, or append it."""
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    fresh = f"{begin}\n{block.strip()}\n{end}"
    if begin in page:
        return re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: fresh, page, flags=re.DOTALL)
    return page.rstrip() + "\n\n" + fresh + "\n"


def provenance(name: str, flags: list[str]) -> str:
    """One line: the command, the day, the machine and how busy it was."""
    # Where a peer lies on this machine is nobody's business: its name is enough.
    shown = [Path(flag).name if flag.startswith("/") else flag for flag in flags]
    command = f'make bench ARGS="{" ".join(["--only", name, *shown])}"'
    revision = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    load = os.getloadavg()[0]
    return (
        f"`{command}` at {revision or 'no revision'}, {datetime.now(UTC):%Y-%m-%d}, "
        f"{os.cpu_count()} cores {platform.machine()}, load {load:.1f} at the end."
    )


def main() -> None:
    """Run each benchmark in a process of its own."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--inside")
    inside = first.parse_known_args()[0].inside
    # Flags of other benchmarks of the same run mean nothing to this one.
    args = parser_for(inside).parse_known_args()[0] if inside else parser_for(None).parse_args()
    if inside:
        args.output.write_text(importlib.import_module(f"bench.{inside}").run(args))
        return
    flags = [flag for flag in sys.argv[1:] if flag not in {"--only", "--no-page", *(args.only or [])}]
    failed = []
    for name in args.only or BENCHMARKS:
        print(f"== {name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "block.md"
            command = [sys.executable, "-m", "bench", "--inside", name, "--output", str(output), *flags]
            if subprocess.run(command, cwd=ROOT, check=False).returncode:
                failed.append(name)
                continue
            block = f"{output.read_text().strip()}\n\n{provenance(name, flags)}"
        print(block, flush=True)
        if not args.no_page:
            PAGE.write_text(put(PAGE.read_text(), name, block))
    if not args.no_page:
        draw(PAGE.read_text(), PICTURE)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
