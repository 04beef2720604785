"""A listener that goes away frees the embedded engine within the step that it is in."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from summarizer import catalogue
from summarizer.engines.embedded import Embedded
from summarizer.resident import Resident
from summarizer.turns import Turns
from tests.shallow import shallow
from tests.summarizing import FINISH, MEETING, config, piece, serving, summarize
from weights.settings import WeightsSettings

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2 with two of its thirty layers."""
    whole = WeightsSettings().store().fetch(catalogue.SMOL.weights) / catalogue.SMOL.file
    return shallow(whole, tmp_path_factory.mktemp("shallow") / "model.gguf", layers=2)


def test_a_cancelled_pass_ends_in_the_step_that_it_is_in(weights: Path) -> None:
    """The worker reads its lines in order, so a count asked for after a cancel tells when the cancel was read."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "summarizer.engines.embedded_worker", str(weights), "0"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None

    def say(**request: object) -> None:
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(request) + "\n")
        worker.stdin.flush()

    try:
        replies = (json.loads(line) for line in worker.stdout)
        assert "ready" in next(replies)
        messages = [{"role": "user", "content": "Tell a story."}]
        say(id=1, generate={"messages": messages, "max_tokens": 300, "temperature": 0.0, "schema": None})
        written = next(replies)
        assert written["id"] == 1
        assert "text" in written
        say(cancel=1)
        say(id=2, count=["one"])
        kinds = [next(kind for kind in ("counts", "text", "end") if kind in reply) for reply in _until_both(replies)]
        after = kinds[kinds.index("counts") + 1 :]
        assert after in (["end"], ["text", "end"], []), "it wrote on after the cancel"
    finally:
        worker.kill()
        worker.communicate()


def _until_both(replies: Iterator[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Yield replies up to the later of the count and the end."""
    awaited = {"counts", "end"}
    while awaited:
        reply = next(replies)
        awaited -= reply.keys()
        yield reply


async def test_a_client_that_goes_away_frees_the_embedded_engine(weights: Path) -> None:
    opened: list[Embedded] = []

    async def opening(path: Path | None, model: str) -> Embedded:
        opened.append(await Embedded.open(weights, model=model, context_tokens=4096, threads=1, cancel_seconds=120.0))
        return opened[-1]

    turns = Turns(slots=1, limit=100_000)
    async with serving(Resident(opening, model="shallow"), turns) as stub:
        call = stub.Summarize()
        for request in (config("detailed", deltas=True), piece(MEETING), FINISH):
            await call.write(request)
        async with asyncio.timeout(240):
            async for event in call:
                if event.WhichOneof("event") == "delta":
                    break
            process = opened[0].process
            call.cancel()
            while turns.running:
                await asyncio.sleep(0.01)
        # It was no restart that freed it: the model that was asked first answers next.
        assert process is not None
        assert (await summarize(stub, MEETING)).text
        assert opened[0].process == process
        assert len(opened) == 1
