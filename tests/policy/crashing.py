"""What every crash test has: its command line, each database in turn with its share of the runs, and the verdict."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from tests.postgresql_server import running_postgresql

KINDS = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Ground:
    """One database, and what is to be done on it."""

    url: str
    """Of a database without tables."""
    folder: Path
    runs: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    runs: int
    killed: int
    wrong: dict[int, list[str]]
    """What is wrong, by run."""
    details: Sequence[str] = ()


def crash_on_each(arguments: Sequence[str], crash: Callable[[Ground], Outcome], *, prog: str, about: str | None) -> int:
    """Crash edges on the databases that `arguments` name, say what came of it, and give 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog=f"python -m {prog}", description=about)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--database", choices=[*KINDS, "both"], default="both")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    kinds = KINDS if options.database == "both" else (options.database,)
    done, failed = 0, 0
    for number, kind in enumerate(kinds):
        runs = (options.runs + len(kinds) - 1 - number) // len(kinds)
        with _database(kind) as (url, folder):
            started = time.monotonic()
            outcome = crash(Ground(url, folder, runs, options.seed))
        done, failed = done + outcome.runs, failed + len(outcome.wrong)
        counts = f"{outcome.runs} runs, {outcome.killed} edges killed, {len(outcome.wrong)} wrong"
        say(f"{kind}: {counts}, {time.monotonic() - started:.0f} s")
        for line in outcome.details:
            say(f"  {line}")
        for run, found in outcome.wrong.items():
            say(f"  run {run}: {'; '.join(found)}")
    verdict = f"{failed} WRONG" if failed else "nothing lost, nothing charged twice"
    say(f"{done} runs with seed {options.seed}: {verdict}")
    return 1 if failed else 0


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def _database(kind: str) -> Iterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory(prefix="crash") as name:
        folder = Path(name)
        if kind == "sqlite":
            yield f"sqlite:///{folder / 'edge.db'}", folder
        else:
            with running_postgresql() as server:
                yield server.create("crash"), folder
