"""The local journal: what has to be told to the database once it is back.

A file beside the process, so that a settlement outlives both the database and the process. Telling the same twice
does no harm, so that an entry is removed only after it was told.
"""

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge.policy.metrics import JOURNAL


@dataclass(frozen=True, slots=True)
class Note:
    """How a request ended."""

    request: str
    audio_ms: int | None
    """What is to be settled; None to give everything back."""
    answer: bytes | None = None
    """The packed answer, if one was to be kept for an idempotency key."""


class Journal:
    """The notes of every edge process that shares a data folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self) -> None:
        """Make the file if there is none, for the eyes of its owner only."""
        await asyncio.to_thread(self._open)

    async def write(self, note: Note) -> None:
        """Put a note on the disk; a settlement replaces a release of the same request, never the other way round."""
        await asyncio.to_thread(self._write, note)

    async def notes(self) -> list[Note]:
        """Give what waits, oldest first."""
        waiting = await asyncio.to_thread(self._notes)
        JOURNAL.set(len(waiting))
        return waiting

    async def remove(self, note: Note) -> None:
        """Forget a note that was told; one that replaced it meanwhile stays."""
        await asyncio.to_thread(self._remove, note)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _open(self) -> None:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(self._connect()) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS notes (request TEXT PRIMARY KEY, audio_ms INTEGER, answer BLOB)"
            )

    def _write(self, note: Note) -> None:
        with closing(self._connect()) as connection:
            connection.execute(
                "INSERT INTO notes VALUES (?, ?, ?) ON CONFLICT (request) DO UPDATE"
                " SET audio_ms = excluded.audio_ms, answer = excluded.answer WHERE audio_ms IS NULL",
                (note.request, note.audio_ms, note.answer),
            )

    def _notes(self) -> list[Note]:
        with closing(self._connect()) as connection:
            rows = connection.execute("SELECT request, audio_ms, answer FROM notes ORDER BY rowid")
            return [Note(*row) for row in rows]

    def _remove(self, note: Note) -> None:
        with closing(self._connect()) as connection:
            connection.execute("DELETE FROM notes WHERE request = ? AND audio_ms IS ?", (note.request, note.audio_ms))
