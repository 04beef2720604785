"""The pool of models, with the scripted engine and a real store of local weights."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.catalogue import CATALOGUE, MODELS
from inference.engines import TranscriptionEngine
from inference.engines.scripted import Script, ScriptedEngine
from inference.models import ModelPool, ModelUnavailable, PoolPolicy, UnknownModel
from inference.scheduler import BatchPolicy
from inference.shelf import Shelf
from weights import Store

POLICY = PoolPolicy(BatchPolicy(8, 0.0, 1000.0), memory_mebibytes=8192, idle_seconds=600.0, substitute="")


class Loader:
    """Makes scripted engines, keeps count, and waits where it is told to."""

    def __init__(self) -> None:
        self.folders: list[Path | None] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, folder: Path | None) -> TranscriptionEngine:
        self.folders.append(folder)
        assert self.gate.wait(60)
        return ScriptedEngine(Script())


def put(folder: Path, *models: str) -> Path:
    """Make folders of weights as an operator would."""
    for model in models:
        (folder / model).mkdir(parents=True)
        (folder / model / "model.bin").write_bytes(model.encode())
        (folder / model / "config.json").write_text("{}")
    return folder


@asynccontextmanager
async def pool(tmp_path: Path, *models: str, loader: Loader | None = None, **policy: Any) -> AsyncIterator[ModelPool]:
    shelf = Shelf(Store(tmp_path / "store", offline=True), put(tmp_path / "models", *models))
    with ThreadPoolExecutor(4) as threads:
        async with ModelPool(shelf, loader or Loader(), replace(POLICY, **policy), threads=threads) as opened:
            yield opened


async def test_a_model_is_loaded_once_for_all_who_wait(tmp_path: Path) -> None:
    loader = Loader()
    loader.gate.clear()
    async with pool(tmp_path, "small", loader=loader) as models:

        async def use() -> str:
            async with models.lease("small") as loaded:
                return loaded.row.id

        waiting = [asyncio.ensure_future(use()) for _ in range(5)]
        waiting[0].cancel()
        async with asyncio.timeout(60):
            while not loader.folders:
                await asyncio.sleep(0.001)
        loader.gate.set()
        assert await asyncio.gather(*waiting[1:]) == ["small"] * 4
        assert len(loader.folders) == 1
        assert loader.folders[0] is not None
        assert (loader.folders[0] / "model.bin").read_bytes() == b"small"


async def test_an_unknown_model_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    async with pool(tmp_path, "small") as models:
        with pytest.raises(UnknownModel, match="large-v3-turbo"):
            async with models.lease("gigantic"):
                pass


async def test_what_cannot_be_had_is_unavailable(tmp_path: Path) -> None:
    async with pool(tmp_path, "small") as models:
        for _ in range(2):
            with pytest.raises(ModelUnavailable) as refused:
                async with models.lease("medium"):
                    pass
        assert refused.value.reason == "model_unavailable"
        standing = {each.row.id: each for each in models.standings()}
        assert (standing["medium"].available, standing["medium"].served_by) == (False, "")
        assert (standing["small"].available, standing["small"].served_by) == (True, "small")


async def test_a_stand_in_is_named_as_what_it_is(tmp_path: Path) -> None:
    async with pool(tmp_path, "small", substitute="small") as models:
        async with models.lease("large-v3") as loaded:
            assert loaded.row.id == "small"
        standing = {each.row.id: each for each in models.standings()}
        assert (standing["large-v3"].available, standing["large-v3"].served_by) == (False, "small")
        assert not standing["large-v3"].loaded
        assert standing["small"].loaded


async def test_memory_is_made_by_putting_idle_models_away(tmp_path: Path) -> None:
    bound = CATALOGUE["small"].memory_mebibytes + CATALOGUE["medium"].memory_mebibytes
    async with pool(tmp_path, "small", "medium", "large-v3-turbo", memory_mebibytes=bound) as models:
        async with models.lease("medium"):
            pass
        async with models.lease("small"):
            assert {model.row.id for model in models.loaded} == {"small", "medium"}
            async with models.lease("large-v3-turbo"):
                assert {model.row.id for model in models.loaded} == {"small", "large-v3-turbo"}
                with pytest.raises(ModelUnavailable) as refused:
                    async with models.lease("medium"):
                        pass
                assert refused.value.retry_after is not None


async def test_an_idle_model_is_put_away_after_its_time(tmp_path: Path) -> None:
    async with pool(tmp_path, "small", "medium", idle_seconds=0.05) as models:
        await models.preload("small")
        async with models.lease("medium"):
            pass
        async with asyncio.timeout(60):
            while len(models.loaded) > 1:
                await asyncio.sleep(0.01)
        assert [model.row.id for model in models.loaded] == ["small"]


def test_the_catalogue_begins_with_the_public_models() -> None:
    assert [row.id for row in MODELS] == ["large-v3-turbo", "large-v3", "medium", "small", "base"]
    base = CATALOGUE["base"].weights[0]
    assert {file.name for file in base.files} == {"config.json", "tokenizer.json", "vocabulary.txt", "model.bin"}
    assert all(file.sha256 and file.size for file in base.files)
