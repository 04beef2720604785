"""vLLM on a CPU with SmolLM2, converted once into the cache of weights."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from summarizer import catalogue
from summarizer.engines import Engine
from summarizer.engines.vllm import Vllm
from summarizer.resident import Resident
from summarizer.turns import Turns
from tests.summarizing import serving
from weights.settings import WeightsSettings

ROOT = Path(__file__).resolve().parents[2]
SLOTS = 4

# GiB of key-value cache, and every core for the one model of these tests.
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_CPU_NUM_OF_RESERVED_CPU", "0")


@dataclass
class Service:
    """The running service and what is behind it."""

    stub: Any
    engine: Vllm
    turns: Turns


def converted() -> Path:
    """The folder with SmolLM2's safetensors."""
    store = WeightsSettings().store()
    folder = store.folder / "converted" / catalogue.SMOL.id
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        source = store.fetch(catalogue.SMOL.weights) / catalogue.SMOL.file
        command = [sys.executable, "-m", "tests.vllm.converting", str(source), str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=1200)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service() -> AsyncIterator[Service]:
    """The service over vLLM; starting it takes from half a minute on a quiet machine to several on a busy one."""
    opened: list[Vllm] = []

    async def opening(path: Path | None, model: str) -> Engine:
        engine = await Vllm.open(
            converted(), model=model, context_tokens=4096, slots=SLOTS, gpu_memory_share=0.5, dtype="bfloat16"
        )
        opened.append(engine)
        return engine

    resident = Resident(opening, model=catalogue.SMOL.id)
    turns = Turns(slots=SLOTS, limit=100_000)
    async with serving(resident, turns, context_tokens=4096) as stub:
        await resident.prepare()
        yield Service(stub, opened[0], turns)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(1800))
        # What vLLM and torch warn of is theirs.
        item.add_marker(pytest.mark.filterwarnings("ignore"))
