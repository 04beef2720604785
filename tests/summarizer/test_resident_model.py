"""The resident model: fetched beside the service, loaded on first use, let go when idle, replaced when broken."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rpc.errors import Unavailable
from summarizer import catalogue
from summarizer.catalogue import Model
from summarizer.engines import Engine
from summarizer.engines.scripted import Reply, Script, Scripted
from summarizer.resident import Fetched, Resident
from summarizer.turns import Turns
from tests.summarizing import MEETING, serving, summarize
from weights.sets import LocalFile, WeightFile, WeightSet
from weights.store import Store

SAID = "Anna says the release ships on Friday. Bo writes the release notes."


def model(name: str, path: Path) -> Model:
    file = WeightFile("model.gguf", sha256=None, size=None, sources=(LocalFile(path),))
    return Model(name, WeightSet(name, (file,)), context_tokens=4096)


class Opening:
    """Opens scripted engines and counts them."""

    def __init__(self) -> None:
        self.engines: list[Scripted] = []
        self.paths: list[Path | None] = []

    async def __call__(self, path: Path | None, name: str) -> Engine:
        self.paths.append(path)
        self.engines.append(Scripted(Script([Reply(SAID)]), model=name))
        return self.engines[-1]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_first_model_that_can_be_had_answers_and_says_its_name(tmp_path: Path) -> None:
    (tmp_path / "second.gguf").write_bytes(b"weights")
    models = (model("first", tmp_path / "absent.gguf"), model("second", tmp_path / "second.gguf"))
    fetched = Fetched(models, store=Store(tmp_path / "store"))
    opening = Opening()
    resident = Resident(opening, model="first", weights=fetched)
    assert resident.status.state == "fetching"
    await resident.fetch()
    assert (resident.status.state, resident.status.model) == ("ready", "second")
    async with serving(resident, Turns(slots=1, limit=1000)) as stub:
        heard = await summarize(stub, MEETING)
    assert heard.model == "second"
    assert heard.done is not None
    assert heard.done.model == "second"
    assert opening.paths[0] is not None
    assert opening.paths[0].read_bytes() == b"weights"


async def test_what_is_here_is_better_than_what_would_have_to_be_fetched(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(name.encode())
    models = (model("first", tmp_path / "first"), model("second", tmp_path / "second"))
    store = Store(tmp_path / "store")
    store.fetch(models[1].weights)
    fetched = Fetched(models, store=store)
    await fetched.run()
    assert fetched.found is not None
    assert fetched.found[0].id == "second"


async def test_summaries_are_unavailable_while_weights_are_fetched_and_come_once_they_are_here(tmp_path: Path) -> None:
    source = tmp_path / "late.gguf"
    fetched = Fetched((model("late", source),), store=Store(tmp_path / "store"), retry_seconds=0.05)
    resident = Resident(Opening(), model="late", weights=fetched)
    async with serving(resident, Turns(slots=1, limit=1000)) as stub:
        with pytest.raises(Unavailable) as caught:
            await summarize(stub, MEETING)
        assert caught.value.reason == "model_fetching"
        assert caught.value.retry_after
        fetching = asyncio.create_task(resident.fetch())
        await until(lambda: resident.status.state == "absent")
        with pytest.raises(Unavailable) as caught:
            await summarize(stub, MEETING)
        assert caught.value.reason == "model_unavailable"
        source.write_bytes(b"weights")
        await asyncio.wait_for(fetching, 30)
        assert (await summarize(stub, MEETING)).text == SAID


async def test_a_fetch_that_is_given_up_leaves_no_thread(tmp_path: Path) -> None:
    fetched = Fetched((model("never", tmp_path / "never"),), store=Store(tmp_path / "store"), retry_seconds=60)
    fetching = asyncio.create_task(fetched.run())
    await until(lambda: fetched.status.state == "absent")
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    await until(lambda: not any(thread.name == "weights" for thread in threading.enumerate()))


async def test_an_idle_model_is_let_go_and_loaded_again() -> None:
    opening = Opening()
    resident = Resident(opening, model="m", idle_seconds=0.05)
    async with resident.lease() as engine:
        async with resident.lease() as same:
            assert same is engine
        await asyncio.sleep(0.1)
        assert resident.engine is engine, "a model in use is not let go"
    await until(lambda: resident.engine is None)
    await until(lambda: not opening.engines[0].alive)
    async with resident.lease() as again:
        assert again is not engine
    await resident.close()
    assert not any(each.alive for each in opening.engines)


async def test_many_streams_load_the_model_once() -> None:
    opening = Opening()
    resident = Resident(opening, model="m")

    async def use() -> None:
        async with resident.lease():
            await asyncio.sleep(0)

    await asyncio.gather(*(use() for _ in range(20)))
    assert len(opening.engines) == 1


async def test_a_broken_engine_is_replaced() -> None:
    opening = Opening()
    resident = Resident(opening, model="m")
    async with resident.lease() as engine:
        await engine.close()
    async with resident.lease() as engine:
        assert engine.alive
    assert len(opening.engines) == 2


async def test_a_model_that_does_not_load_fails_the_stream_and_is_tried_again() -> None:
    failures = [True]

    async def opening(path: Path | None, name: str) -> Engine:
        if failures.pop() if failures else False:
            raise Unavailable("no memory")
        return Scripted(Script([Reply(SAID)]), model=name)

    async with serving(Resident(opening, model="m"), Turns(slots=1, limit=1000)) as stub:
        with pytest.raises(Unavailable):
            await summarize(stub, MEETING)
        assert (await summarize(stub, MEETING)).text == SAID


def test_the_catalogue_names_what_it_serves() -> None:
    assert [each.id for each in catalogue.candidates(model="", path=None)] == [
        "qwen2.5-1.5b-instruct",
        "qwen2.5-coder-1.5b-instruct",
    ]
    [own] = catalogue.candidates(model="", path=Path("/models/My Model.Q4.gguf"))
    assert own.id == "my-model.q4"
    with pytest.raises(KeyError):
        catalogue.candidates(model="gpt-9", path=None)
    for each in catalogue.MODELS.values():
        [file] = each.weights.files
        assert file.sha256 is not None
        assert file.sources
