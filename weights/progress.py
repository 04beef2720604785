"""The progress of a fetch for a person: a bar on a terminal, a line each tenth elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from weights.meter import Progress

_log = structlog.get_logger(__name__)


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Show the progress that the yielded callback is told, until the block ends."""
    if not sys.stderr.isatty():
        yield _lines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=None)

        def show(fetched: int, total: int) -> None:
            bars.update(task, completed=fetched, total=total)

        yield show


def _lines(title: str) -> Progress:
    last = -1

    def show(fetched: int, total: int) -> None:
        nonlocal last
        tenth = 10 * fetched // total if total else 10
        if tenth > last:
            last = tenth
            _log.info("weights_progress", set=title, percent=10 * tenth, megabytes=fetched >> 20)

    return show
