"""The store: a folder where weights lie under their sha256 and are seen only once they are whole and verified."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from weights.copying import Copier
from weights.digest import sha256_of
from weights.errors import WeightsCorrupt, WeightsDiskFull, WeightsUnavailable
from weights.failure import CorruptSource, NoRoom, SourceFailure, is_no_room
from weights.meter import Meter, Progress
from weights.records import Record, Records
from weights.sets import HubFile, Source, WeightFile, WeightSet

_log = structlog.get_logger(__name__)


def default_folder() -> Path:
    """Return where weights are kept unless a setting says otherwise."""
    return Path.home() / ".cache" / "verbatim"


class Store:
    """Finds and fetches sets of weights.

    The folder holds `blobs/SHA256` (content), `sets/NAME/KEY/` (links by file name; complete or absent),
    `records/` (first-seen digests), `locks/` and `scratch/`. Several processes may share it; finding never writes,
    so it may be mounted read-only once all is fetched.
    """

    def __init__(self, folder: Path | None = None, *, offline: bool = False) -> None:
        self._folder = folder or default_folder()
        self._offline = offline
        self._verified: dict[Path, tuple[int, int, int]] = {}

    @property
    def folder(self) -> Path:
        """Where everything lies."""
        return self._folder

    def has(self, weights: WeightSet) -> bool:
        """Say quickly whether the set is here, judged by names and sizes."""
        folder = self._set_folder(weights)
        return folder is not None and all(
            (folder / file.name).is_file() and file.size in {None, (folder / file.name).stat().st_size}
            for file in weights.files
        )

    def find(self, weights: WeightSet) -> Path | None:
        """Return the folder with the set's files, each verified by sha256, or None if one is missing or damaged.

        Reads every file once in this object's life (about a second a gigabyte), so not for an event loop.
        """
        folder, digests = self._set_folder(weights), self._digests(weights)
        if folder is None or digests is None or not folder.is_dir():
            return None
        return folder if all(self._sound(digests[file.name]) for file in weights.files) else None

    def fetch(self, weights: WeightSet, progress: Progress | None = None) -> Path:
        """Return the folder with the set's files, getting those that are not here.

        Blocks; safe for several processes at once; what was verified before a break is not fetched again.
        Raises WeightsUnavailable, WeightsDiskFull, WeightsCorrupt.
        """
        if found := self.find(weights):
            return found
        try:
            with self._locked(weights.name):
                return self.find(weights) or self._fetch(weights, Meter(weights.size, progress))
        except NoRoom as error:
            raise WeightsDiskFull(f"{weights.name}: {error} in {self._folder}") from error
        except OSError as error:
            if is_no_room(error):
                raise WeightsDiskFull(f"{weights.name}: no room in {self._folder}") from error
            raise WeightsUnavailable(f"{weights.name}: the store cannot be written: {error}") from error

    def _fetch(self, weights: WeightSet, meter: Meter) -> Path:
        scratch = self._folder / "scratch" / weights.name
        scratch.mkdir(parents=True, exist_ok=True)
        records = self._records(weights)
        copier = Copier(scratch, offline=self._offline)
        try:
            for file in weights.files:
                known = records.read().get(file.name)
                digest = file.sha256 or (known.sha256 if known else None)
                meter.begin(file.size)
                if digest is None or not self._sound(digest):
                    got = self._obtain(weights, file, known, copier=copier, scratch=scratch, meter=meter)
                    digest = got.sha256
                    if file.sha256 is None and known is None:
                        records.add(file.name, got)
                meter.finish(self._blob(digest).stat().st_size)
        except (NoRoom, OSError):
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        shutil.rmtree(scratch, ignore_errors=True)
        return self._publish(weights)

    def _obtain(
        self,
        weights: WeightSet,
        file: WeightFile,
        known: Record | None,
        *,
        copier: Copier,
        scratch: Path,
        meter: Meter,
    ) -> Record:
        """Bring the file into `blobs` from the first source that has it right."""
        expected = file.sha256 or (known.sha256 if known else None)
        failures: list[SourceFailure] = []
        half = scratch / "half"
        for source in file.sources:
            # A link to an operator's own file may be left from a killed fetch: writing into it would be his loss.
            half.unlink(missing_ok=True)
            try:
                origin = _at_recorded_revision(source, known)
                revision = copier.copy(origin, half, limit=file.size, on_bytes=meter.show)
                record = Record(sha256_of(half), half.stat().st_size, revision)
                if expected not in {None, record.sha256}:
                    raise CorruptSource(f"{_name(source)}: sha256 is {record.sha256}, not {expected}")
            except SourceFailure as failure:
                failures.append(failure)
                _log.info("weights_source_failed", set=weights.name, file=file.name, reason=str(failure))
                continue
            else:
                blob = self._blob(record.sha256)
                blob.parent.mkdir(parents=True, exist_ok=True)
                half.replace(blob)
                self._remember(blob)
                return record
            finally:
                half.unlink(missing_ok=True)
        reasons = "; ".join(str(failure) for failure in failures) or "no source is known"
        corrupt = any(isinstance(failure, CorruptSource) for failure in failures)
        raise (WeightsCorrupt if corrupt else WeightsUnavailable)(f"{weights.name}/{file.name}: {reasons}")

    def _publish(self, weights: WeightSet) -> Path:
        """Make the set's folder of links appear at once."""
        folder, digests = self._set_folder(weights), self._digests(weights)
        assert folder is not None and digests is not None, "every file has just been obtained"  # noqa: S101
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            building = Path(temporary) / "set"
            for file in weights.files:
                link = building / file.name
                link.parent.mkdir(parents=True, exist_ok=True)
                final = folder / file.name
                link.symlink_to(os.path.relpath(self._blob(digests[file.name]), final.parent))
            building.replace(folder)
        return folder

    def _digests(self, weights: WeightSet) -> dict[str, str] | None:
        """Return the sha256 of each file, pinned or recorded, or None if one is not known yet."""
        known: dict[str, Record] = {}
        if any(file.sha256 is None for file in weights.files):
            known = self._records(weights).read()
        digests = {
            file.name: file.sha256 or known[file.name].sha256
            for file in weights.files
            if file.sha256 or file.name in known
        }
        return digests if len(digests) == len(weights.files) else None

    def _set_folder(self, weights: WeightSet) -> Path | None:
        digests = self._digests(weights)
        if digests is None:
            return None
        # Another content under the same name is another folder: a running process keeps the one it has open.
        key = hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()[:16]
        return self._folder / "sets" / weights.name / key

    def _sound(self, digest: str) -> bool:
        """Say whether the blob is what its name says, reading it unless it is unchanged since the last time."""
        blob = self._blob(digest)
        try:
            if self._verified.get(blob) == _signature(blob):
                return True
            if sha256_of(blob) != digest:
                _log.warning("weights_damaged", file=str(blob))
                return False
        except OSError:
            return False
        self._remember(blob)
        return True

    def _remember(self, blob: Path) -> None:
        self._verified[blob] = _signature(blob)

    def _blob(self, digest: str) -> Path:
        return self._folder / "blobs" / digest

    def _records(self, weights: WeightSet) -> Records:
        return Records(self._folder / "records" / f"{weights.name}.json")

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold the set's lock; the kernel frees it however the process ends."""
        locks = self._folder / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / name).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log.info("weights_waiting_for_other_process", set=name)
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _at_recorded_revision(source: Source, known: Record | None) -> Source:
    if isinstance(source, HubFile) and source.revision is None and known is not None and known.revision:
        return replace(source, revision=known.revision)
    return source


def _name(source: Source) -> str:
    return type(source).__name__


def _signature(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return (status.st_ino, status.st_size, status.st_mtime_ns)
