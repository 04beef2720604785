"""How streams of the summarization service wait, break off and end, over real gRPC, with the scripted engine."""

import asyncio
import contextlib

import grpc
import grpc.aio
import pytest
from speech.v1 import audio_pb2, summarization_pb2

from rpc.errors import Unavailable
from summarizer.engines.scripted import Reply, Script
from tests.summarizing import CHECKPOINT, FINISH, MEETING, Heard, config, piece, scripted, summarize, take

BRIEF = "Anna says the release ships on Friday. The budget is 12,000 euros. Bo writes the release notes."


async def test_a_client_that_goes_away_frees_the_engine_within_one_step() -> None:
    gate = asyncio.Event()
    script = Script([Reply("word " * 400)], slots=1, gate=gate)
    async with scripted(script) as stub:
        call = stub.Summarize()
        for request in (config(deltas=True), piece(MEETING), FINISH):
            await call.write(request)
        async with asyncio.timeout(120):
            while not script.running:
                await asyncio.sleep(0.01)
            call.cancel()
            while script.running:
                await asyncio.sleep(0.01)
        assert script.aborted == 1
        assert script.steps == 0
        gate.set()
        # The one slot is free: the next stream is served.
        script.replies = [Reply(BRIEF)]
        assert (await summarize(stub, MEETING)).text == BRIEF
    assert script.running == 0


async def test_a_deadline_aborts_the_pass() -> None:
    script = Script([Reply(BRIEF)], gate=asyncio.Event())
    async with scripted(script) as stub:
        # On a busy machine a short deadline passes before the pass begins: then a longer one must do.
        for seconds in (1.0, 5.0, 25.0):
            call = stub.Summarize(timeout=seconds)
            with contextlib.suppress(grpc.aio.AioRpcError):
                for request in (config(), piece(MEETING), FINISH):
                    await call.write(request)
            assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            if script.asked:
                break
        assert script.asked
        async with asyncio.timeout(120):
            while script.running:
                await asyncio.sleep(0.01)
    assert script.aborted == len(script.asked)


async def test_streams_wait_for_their_turn_and_none_starves() -> None:
    gate = asyncio.Event()
    script = Script([Reply("Anna talked about the budget of the release today.")], slots=1, gate=gate)
    long = "".join(f"Anna: Point {n} of the budget of the release is still open today.\n" for n in range(3000))
    async with scripted(script) as stub:
        async with asyncio.TaskGroup() as group:
            big = group.create_task(summarize(stub, long))
            async with asyncio.timeout(120):
                while not script.asked:
                    await asyncio.sleep(0.01)
            waiting = (await runtime(stub)).load.queued
            small = group.create_task(summarize(stub, MEETING))
            async with asyncio.timeout(120):
                while (await runtime(stub)).load.queued <= waiting:
                    await asyncio.sleep(0.01)
            gate.set()
        assert small.result().done is not None
        assert big.result().done is not None
    place = [n for n, asked in enumerate(script.asked) if "Siemens" in asked.messages[-1].content]
    assert len(script.asked) > 6
    assert place[0] <= 3, "the short one waited for all passes of the long one"


async def test_a_full_queue_is_said_with_a_time_to_wait() -> None:
    gate = asyncio.Event()
    script = Script([Reply(BRIEF)], slots=1, gate=gate)
    async with scripted(script, queue_tokens=50) as stub, asyncio.TaskGroup() as group:
        tasks = []
        for waiting in (0, 1):
            tasks.append(group.create_task(summarize(stub, MEETING)))
            async with asyncio.timeout(120):
                while len(script.asked) < 1 or ((await runtime(stub)).load.queued > 0) != bool(waiting):
                    await asyncio.sleep(0.01)
        with pytest.raises(Unavailable) as caught:
            await summarize(stub, MEETING)
        gate.set()
    assert caught.value.reason == "overloaded"
    assert caught.value.retry_after is not None
    assert all(task.result().text == BRIEF for task in tasks)


async def test_an_engine_that_breaks_off_is_unavailable() -> None:
    async with scripted(Script([Reply("Anna ships", fail="out of memory")])) as stub:
        with pytest.raises(Unavailable) as caught:
            await summarize(stub, MEETING)
    assert caught.value.reason == "engine_failed"


async def test_the_runtime_tells_model_and_load() -> None:
    async with scripted(Script([Reply(BRIEF)])) as stub:
        before = await runtime(stub)
        await summarize(stub, MEETING)
        after = await runtime(stub)
    assert (before.model, before.state) == ("scripted", "ready")
    assert before.load.slots == 2
    assert after.load.slots_in_use == 0
    assert after.load.queued == 0
    assert after.accelerators[0].kind == "cpu"


async def test_a_draining_server_says_so_on_open_streams() -> None:
    from summarizer.resident import Resident
    from summarizer.summarization import SummarizationServicer
    from summarizer.turns import Turns

    async def opening(path: object, model: str) -> object:
        raise AssertionError("nothing is summarized here")

    resident = Resident(opening, model="m")  # type: ignore[arg-type]  # never called
    servicer = SummarizationServicer(
        resident, Turns(slots=1, limit=1), transcript_bytes=100, context_tokens=4096, stream_limit=1
    )
    heard = Heard()

    async def requests() -> object:
        yield config()
        servicer.drain()
        yield piece("Anna: hello")
        yield CHECKPOINT

    with pytest.raises(AssertionError, match="nothing is summarized"):
        async for event in servicer.Summarize(requests(), None):  # type: ignore[arg-type]  # no context is needed
            take(heard, event)
    assert heard.kinds == ["ready", "draining"]


async def runtime(stub: object) -> summarization_pb2.SummarizationServiceGetRuntimeResponse:
    request = summarization_pb2.SummarizationServiceGetRuntimeRequest()
    response = await stub.GetRuntime(request)  # type: ignore[attr-defined]
    assert isinstance(response, summarization_pb2.SummarizationServiceGetRuntimeResponse)
    assert isinstance(response.load, audio_pb2.Load)
    return response
