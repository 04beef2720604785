"""What the first fetch found where nothing is pinned: sha256 and revision, which later fetches are held to."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from weights.errors import WeightsCorrupt


@dataclass(frozen=True, slots=True)
class Record:
    """The identity of one file as it was first fetched."""

    sha256: str
    size: int
    """Bytes."""
    revision: str | None
    """Commit of the hub repository it came from; None for other sources."""


class Records:
    """The records of one set, in one JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Record]:
        """Return what is recorded, by file name. Raises WeightsCorrupt: a lost record must not become a free choice."""
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            return {name: Record(**row) for name, row in rows.items()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise WeightsCorrupt(f"{self._path} is damaged: {error}") from error

    def add(self, name: str, record: Record) -> None:
        """Record one file, at once and whole."""
        rows = {known: asdict(row) for known, row in self.read().items()} | {name: asdict(record)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        half = self._path.with_suffix(".half")
        half.write_text(json.dumps(rows, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        half.replace(self._path)
