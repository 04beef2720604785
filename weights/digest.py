"""The sha256 of a file, which is its name in the store."""

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Return the lower-case hexadecimal sha256 of the file's content; reads in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
