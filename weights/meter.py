"""The count of fetched bytes of a set, which only ever rises and ends at the total."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes fetched so far and the bytes in all."""


class Meter:
    """Adds up finished files and the one on its way. The total grows where a size was not known before."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._finished = 0
        self._current = 0
        self._expected: int | None = None

    def begin(self, expected: int | None) -> None:
        """Start a file of `expected` bytes."""
        self._expected = expected
        self._current = 0

    def show(self, fetched: int) -> None:
        """Say how many bytes of the current file there are; a wheel may weigh more than what is taken from it."""
        if self._expected is not None:
            fetched = min(fetched, self._expected)
        if fetched > self._current:
            self._current = fetched
            self._tell()

    def finish(self, size: int) -> None:
        """Close the current file at its real size."""
        self._total += size - (self._expected or 0)
        self._finished += size
        self._current = 0
        self._expected = None
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            fetched = self._finished + self._current
            self._progress(fetched, max(self._total, fetched))
