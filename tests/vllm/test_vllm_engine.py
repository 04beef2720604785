"""The real vLLM through the real service: streaming, abort, four at once, JSON by schema, prompts cached by prefix."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace

import pytest

pytest.importorskip("vllm", reason="runs in an environment of its own: make test-vllm")

from summarizer import catalogue, prompts
from summarizer.engines import Generation, Message
from summarizer.types import Style
from tests.summarizing import FINISH, MEETING, config, piece, summarize
from tests.vllm.conftest import SLOTS, Service

# The engine lives in one event loop, and starts once.
pytestmark = pytest.mark.asyncio(loop_scope="session")

ITEM = {
    "type": "object",
    "properties": {"owner": {"type": "string", "maxLength": 20}, "task": {"type": "string", "maxLength": 40}},
    "required": ["owner", "task"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {"items": {"type": "array", "minItems": 1, "maxItems": 2, "items": ITEM}},
    "required": ["items"],
    "additionalProperties": False,
}


def asking(text: str, *, most: int, schema: dict[str, object] | None = None) -> Generation:
    return Generation((Message("user", text),), max_tokens=most, schema=schema)


def unfinished(service: Service) -> int:
    number: int = service.engine._engine.output_processor.get_num_unfinished_requests()
    return number


async def test_a_summary_streams_and_is_signed(service: Service) -> None:
    heard = await summarize(service.stub, MEETING, "brief", deltas=True)
    assert heard.kinds[0] == "ready"
    assert heard.kinds[-2:] == ["summary", "done"]
    assert len(heard.deltas) > 3
    assert heard.model == catalogue.SMOL.id
    assert heard.text
    assert heard.done is not None
    assert heard.done.usage.prompt_tokens > 100
    assert heard.done.usage.completion_tokens > 3


async def test_tokens_are_counted_by_the_models_own_tokenizer(service: Service) -> None:
    assert await service.engine.count(["", "one", "one two three four"]) == [0, 1, 4]


async def test_json_obeys_the_schema(service: Service) -> None:
    text = ""
    generation = asking("Extract the tasks as JSON. " + MEETING, most=200, schema=SCHEMA)
    async with aclosing(service.engine.generate(generation)) as fragments:
        async for fragment in fragments:
            text += fragment.text
    items = json.loads(text)["items"]
    assert 1 <= len(items) <= 2
    assert all(set(item) == {"owner", "task"} for item in items)


async def test_lists_come_through_the_service(service: Service) -> None:
    heard = await summarize(service.stub, MEETING, "bullet_points")
    assert heard.text.startswith("- ")


async def test_a_second_style_reads_the_transcript_from_the_cache(service: Service) -> None:
    text = "".join(f"Anna: Item {number} of the agenda is about the budget.\n" for number in range(40))
    usages = []
    for style in (Style.BRIEF, Style.DETAILED):
        generation = replace(prompts.summary(text, style, language="en", grammar=True), max_tokens=2)
        async with aclosing(service.engine.generate(generation)) as fragments:
            usages += [fragment.usage async for fragment in fragments if fragment.usage is not None]
    first, second = usages
    assert first.prompt_tokens > 400
    assert second.cached_tokens > 0.7 * second.prompt_tokens


async def test_a_client_that_goes_away_aborts_the_request(service: Service) -> None:
    call = service.stub.Summarize()
    for request in (config("detailed", deltas=True), piece(MEETING), FINISH):
        await call.write(request)
    async with asyncio.timeout(300):
        async for event in call:
            if event.WhichOneof("event") == "delta":
                break
        assert unfinished(service) == 1
        call.cancel()
        while unfinished(service) or service.turns.running:
            await asyncio.sleep(0.01)
    assert (await summarize(service.stub, MEETING)).text


async def test_passes_that_are_closed_free_their_places_within_a_few_steps(service: Service) -> None:
    """All places are taken; a pass that goes on in one of them counts the steps until others have been served."""
    gone, served = asyncio.Event(), asyncio.Event()
    steps = 0

    async def witness() -> bool:
        nonlocal steps
        async with aclosing(service.engine.generate(asking("Tell a very long story.", most=3500))) as fragments:
            async for _ in fragments:
                steps += 1
                if served.is_set():
                    return True
        return False

    async def leave(number: int, ready: asyncio.Barrier) -> None:
        text = f"Count from {number} to ten thousand, and leave out none."
        async with aclosing(service.engine.generate(asking(text, most=3500))) as fragments:
            async for _ in fragments:
                await ready.wait()
                await gone.wait()
                return

    async with asyncio.timeout(600), asyncio.TaskGroup() as group:
        watching = group.create_task(witness())
        ready = asyncio.Barrier(SLOTS)
        leaving = [group.create_task(leave(number, ready)) for number in range(SLOTS - 1)]
        await ready.wait()
        gone.set()
        await asyncio.gather(*leaving)
        before = steps
        short = (asking(f"Say the number {number}.", most=4) for number in range(SLOTS - 1))
        await asyncio.gather(*(_written(service, each) for each in short))
        used = steps - before
        served.set()
    assert watching.result(), "the witness ended too early to tell"
    assert used < 100, "they waited for the passes that had been closed"


async def _written(service: Service, generation: Generation) -> str:
    async with aclosing(service.engine.generate(generation)) as fragments:
        return "".join([fragment.text async for fragment in fragments])


async def test_four_run_at_once_and_say_what_they_say_alone(service: Service) -> None:
    generations = [asking(f"Tell a story about the number {number}.", most=32) for number in range(SLOTS)]
    most = 0

    async def run(generation: Generation) -> str:
        nonlocal most
        text = ""
        async with aclosing(service.engine.generate(generation)) as fragments:
            async for fragment in fragments:
                most = max(most, unfinished(service))
                text += fragment.text
        return text

    together = await asyncio.gather(*(run(generation) for generation in generations))
    assert most == SLOTS
    assert all(together)
    heard = await asyncio.gather(*(summarize(service.stub, f"{MEETING}Bo: Number {n}.") for n in range(SLOTS)))
    assert all(each.text for each in heard)


async def test_more_than_fits_is_refused_and_the_engine_lives_on(service: Service) -> None:
    with pytest.raises(Exception, match=r"(?i)token|length|context"):
        async with aclosing(service.engine.generate(asking("word " * 6000, most=10))) as fragments:
            async for _ in fragments:
                pass
    assert service.engine.alive
    assert (await summarize(service.stub, MEETING)).text
