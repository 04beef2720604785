"""The embedded engine with a real, small model: SmolLM2 in a child process, through the real service.

One test has all of the model; the others, for busy machines, its first two layers, whose words have no sense.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from rpc.errors import Unavailable
from summarizer import catalogue
from summarizer.engines import Generation, Message
from summarizer.engines.embedded import Embedded
from summarizer.errors import EngineFailed
from summarizer.resident import Fetched, Resident
from summarizer.turns import Turns
from tests.shallow import shallow
from tests.summarizing import FINISH, MEETING, config, piece, serving, summarize
from weights.settings import WeightsSettings
from weights.store import Store

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def weights() -> Path:
    """The model's file, fetched into the cache once."""
    return WeightsSettings().store().fetch(catalogue.SMOL.weights) / catalogue.SMOL.file


@pytest.fixture(scope="module")
def shallow_weights(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same file with two of its thirty layers."""
    return shallow(weights, tmp_path_factory.mktemp("shallow") / "model.gguf", layers=2)


@pytest.fixture
async def engine(shallow_weights: Path) -> AsyncIterator[Embedded]:
    """One thread, so that a busy machine is only slow."""
    engine = await Embedded.open(shallow_weights, model="shallow", context_tokens=8192, threads=1)
    try:
        yield engine
    finally:
        await engine.close()


def asking(text: str, *, most: int = 24, schema: dict[str, object] | None = None) -> Generation:
    return Generation((Message("user", text),), max_tokens=most, schema=schema)


async def written(engine: Embedded, generation: Generation) -> str:
    text = ""
    async with aclosing(engine.generate(generation)) as fragments:
        async for fragment in fragments:
            text += fragment.text
    return text


async def test_the_whole_model_counts_and_writes_words(weights: Path) -> None:
    engine = await Embedded.open(weights, model=catalogue.SMOL.id, context_tokens=8192, threads=1)
    try:
        assert await engine.count(["", "one", "one two three four"]) == [0, 1, 4]
        assert len((await written(engine, asking("What is the capital of France?", most=8))).split()) >= 3
    finally:
        await engine.close()


async def test_it_streams_obeys_and_comes_back(engine: Embedded) -> None:
    fragments = [fragment async for fragment in engine.generate(asking("Count to fifty.", most=8))]
    assert len(fragments) > 4
    usage = fragments[-1].usage
    assert usage is not None
    assert usage.completion_tokens == 8
    assert usage.prompt_tokens > 8
    assert fragments[-1].cut

    # Greedy decoding: the same question has the same answer, also while others ask.
    first = "".join(fragment.text for fragment in fragments)
    assert set(await asyncio.gather(*(written(engine, asking("Count to fifty.", most=8)) for _ in range(2)))) == {first}

    schema: dict[str, object] = {
        "type": "object",
        "properties": {"points": {"type": "array", "maxItems": 1, "items": {"type": "string", "maxLength": 8}}},
        "required": ["points"],
        "additionalProperties": False,
    }
    said = json.loads(await written(engine, asking("An animal, as JSON.", most=60, schema=schema)))
    assert list(said) == ["points"]
    assert len(said["points"]) <= 1

    with pytest.raises(EngineFailed):
        await written(engine, asking("word " * 9000))
    assert await engine.count(["one"]) == [1]


async def test_closing_a_pass_stops_the_work(engine: Embedded) -> None:
    process = engine.process
    assert process is not None
    async with aclosing(engine.generate(asking("Tell a story.", most=4000))) as fragments:
        async for _ in fragments:
            break
    # The pass is over once it is closed: what the child uses from now on is nothing.
    assert engine.process == process
    child = psutil.Process(process)
    before = sum(child.cpu_times()[:2])
    await asyncio.sleep(1.0)
    assert sum(child.cpu_times()[:2]) - before < 0.3, "the model went on without a listener"
    assert await engine.count(["one"]) == [1]


async def test_a_prefill_that_nobody_wants_is_ended(shallow_weights: Path) -> None:
    engine = await Embedded.open(shallow_weights, model="shallow", context_tokens=8192, threads=1, cancel_seconds=0.01)
    try:
        process = engine.process
        assert process is not None
        reading = engine.generate(asking("A long story that begins so. " * 600, most=10))
        first = asyncio.ensure_future(anext(reading))
        await asyncio.sleep(0.1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await reading.aclose()
        async with asyncio.timeout(120):
            while psutil.pid_exists(process):
                await asyncio.sleep(0.02)
        assert await engine.count(["one"]) == [1]
        assert engine.process != process
    finally:
        await engine.close()


async def test_a_child_that_dies_is_unavailable_once_and_then_replaced(engine: Embedded) -> None:
    process = engine.process
    assert process is not None

    async def read() -> None:
        async for _ in engine.generate(asking("Tell a story.", most=4000)):
            os.kill(process, signal.SIGKILL)

    with pytest.raises(EngineFailed):
        await read()
    assert await written(engine, asking("Say hello.", most=2))
    assert engine.process != process


async def test_a_file_that_is_no_model_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "model.gguf"
    broken.write_bytes(b"GGUF and then nothing")
    with pytest.raises(EngineFailed, match="does not load"):
        await Embedded.open(broken, model="x", context_tokens=4096)


async def test_a_summary_through_the_service_and_an_idle_model_is_let_go(shallow_weights: Path, tmp_path: Path) -> None:
    fetched = Fetched(catalogue.candidates(model="shallow", path=shallow_weights), store=Store(tmp_path))
    opened: list[Embedded] = []

    async def opening(path: Path | None, model: str) -> Embedded:
        assert path is not None
        opened.append(await Embedded.open(path, model=model, context_tokens=4096, threads=1))
        return opened[-1]

    resident = Resident(opening, model="shallow", weights=fetched, idle_seconds=0.2)
    async with serving(resident, Turns(slots=1, limit=100_000)) as stub:
        with pytest.raises(Unavailable) as caught:
            await summarize(stub, MEETING)
        assert caught.value.reason == "model_fetching"
        await resident.fetch()
        heard = await summarize(stub, MEETING, "bullet_points")
        assert heard.model == "shallow"
        # What this model writes has no sense, so the check leaves nothing of it.
        assert heard.text.startswith("- ")
        assert heard.done is not None
        assert heard.done.model == "extractive"
        assert heard.done.usage.completion_tokens > 0
        async with asyncio.timeout(120):
            while resident.engine is not None or opened[-1].process is not None:
                await asyncio.sleep(0.05)


async def test_the_process_serves_and_leaves_no_child_behind(shallow_weights: Path, tmp_path: Path) -> None:
    """`python -m summarizer` with the real model, told to end in the middle of a pass."""
    import grpc.aio
    from speech.v1 import summarization_pb2, summarization_pb2_grpc

    environment = {
        **os.environ,
        "SUMMARIZATION_PORT": "0",
        "SUMMARIZATION_METRICS_PORT": "0",
        "SUMMARIZATION_MODEL": "shallow",
        "SUMMARIZATION_MODEL_PATH": str(shallow_weights),
        "WEIGHTS_FOLDER": str(tmp_path / "store"),
        "SUMMARIZATION_THREADS": "1",
        "SUMMARIZATION_DRAIN_SECONDS": "0",
        "SUMMARIZATION_LOG_JSON": "true",
    }
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "summarizer"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        port = await _logged(log, "listening", "port")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = summarization_pb2_grpc.SummarizationServiceStub(channel)
            async with asyncio.timeout(120):
                while (
                    await stub.GetRuntime(
                        summarization_pb2.SummarizationServiceGetRuntimeRequest(), wait_for_ready=True
                    )
                ).state != "ready":
                    await asyncio.sleep(0.05)
            call = stub.Summarize()
            for request in (config("detailed"), piece(MEETING), FINISH):
                await call.write(request)
            async with asyncio.timeout(120):
                while not (
                    await stub.GetRuntime(summarization_pb2.SummarizationServiceGetRuntimeRequest())
                ).load.slots_in_use:
                    await asyncio.sleep(0.05)
            children = psutil.Process(process.pid).children(recursive=True)
            assert len(children) == 1
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, 60)
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


async def _logged(log: Path, event: str, key: str) -> object:
    async with asyncio.timeout(120):
        while True:
            for line in log.read_text().splitlines():
                entry = json.loads(line) if line.startswith("{") else {}
                if entry.get("event") == event:
                    return entry[key]
            await asyncio.sleep(0.05)
