"""The engine by URL against a real HTTP server that speaks OpenAI's chat completions, streamed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from summarizer.engines import Generation, Message
from summarizer.engines.openai import OpenAI
from summarizer.errors import EngineFailed
from summarizer.resident import Resident
from summarizer.turns import Turns
from tests.summarizing import MEETING, serving, summarize

SAID = "Anna says the release ships on Friday. Bo writes the release notes."
BRIEF = json.dumps({"sentences": ["Anna says the release ships on Friday.", "Bo writes the release notes."]})
POINTS = '{"points": ["The release ships on Friday."]}'


@dataclass
class Server:
    """A model server: replies in order of what was asked, with the abilities that it is given."""

    schemas: bool = True
    counts: bool = True
    status: int = 200
    hold: asyncio.Event | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    open_streams: int = 0

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/chat/completions", self.complete)
        if self.counts:
            app.router.add_post("/tokenize", self.tokenize)
        return app

    async def models(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Authorization", ""))
        return web.json_response({"data": [{"id": "qwen2.5-7b-instruct", "max_model_len": 4096}]})

    async def tokenize(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response({"count": len(body["prompt"].split()), "max_model_len": 4096})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        if self.status != 200:
            return web.json_response({"error": "secret words"}, status=self.status, headers={"Retry-After": "7"})
        if "response_format" in body and not self.schemas:
            return web.json_response({"error": "not supported"}, status=400)
        said = SAID
        if "response_format" in body:
            asked = json.dumps(body["response_format"])
            said = POINTS if "points" in asked else BRIEF if "sentences" in asked else '{"ok": true}'
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.open_streams += 1
        try:
            for word in said.split(" "):
                await self._send(response, {"choices": [{"delta": {"content": word + " "}, "finish_reason": None}]})
                if self.hold is not None:
                    await self.hold.wait()
            await self._send(response, {"choices": [{"delta": {}, "finish_reason": "stop"}]})
            usage = {"prompt_tokens": 50, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 40}}
            await self._send(response, {"choices": [], "usage": usage})
            await response.write(b"data: [DONE]\n\n")
        finally:
            self.open_streams -= 1
        return response

    async def _send(self, response: web.StreamResponse, event: dict[str, Any]) -> None:
        # In two writes, since an event may be cut anywhere on its way.
        data = f"data: {json.dumps(event)}\n\n".encode()
        await response.write(data[:9])
        await response.write(data[9:])


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[str]:
    runner = web.AppRunner(server.application(), handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


async def opened(url: str, *, key: str = "", model: str = "", tokenizer: Path | None = None) -> OpenAI:
    return await OpenAI.open(url, key=key, model=model, context_tokens=8192, slots=4, tokenizer=tokenizer)


def asking() -> Generation:
    return Generation((Message("user", "Say something."),), max_tokens=20)


async def test_a_summary_through_the_service() -> None:
    server = Server()

    async def opening(path: Path | None, model: str) -> OpenAI:
        return await opened(url, key="secret")

    async with running(server) as url, serving(Resident(opening, model="openai"), Turns(slots=4, limit=1e6)) as stub:
        heard = await summarize(stub, MEETING)
        listed = await summarize(stub, MEETING, "bullet_points")
    assert heard.text == SAID
    assert heard.done is not None
    assert heard.done.model == "qwen2.5-7b-instruct"
    assert heard.done.usage.prompt_tokens == 50
    assert heard.done.usage.cached_tokens == 40
    assert listed.text == "- The release ships on Friday."
    assert server.keys == ["Bearer secret"]
    assert server.asked[-1]["response_format"]["type"] == "json_schema"
    assert server.asked[-1]["temperature"] == 0


async def test_the_abilities_of_the_server_are_found_out() -> None:
    async with running(Server(schemas=False, counts=False)) as url:
        engine = await opened(url)
        assert not engine.capabilities.json_schema
        assert engine.capabilities.context_tokens == 4096
        assert await engine.count(["x" * 100]) == [51], "a bound from above, where nothing can count"
        await engine.close()
    async with running(Server()) as url:
        engine = await opened(url)
        assert engine.capabilities.json_schema
        assert await engine.count(["one two three", ""]) == [3, 0]
        many = await engine.count(["one two three four"] * 5000)
        assert len(many) == 5000
        assert sum(many) >= 20_000
        await engine.close()
        with pytest.raises(EngineFailed, match="does not list"):
            await opened(url, model="other")


async def test_tokens_are_counted_by_a_tokenizer_file(tmp_path: Path) -> None:
    tokenizer = Tokenizer(WordLevel({"one": 0, "two": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    async with running(Server(counts=False)) as url:
        engine = await opened(url, tokenizer=tmp_path / "tokenizer.json")
        assert await engine.count(["one two", "one three two one"]) == [2, 4]
        await engine.close()


async def test_closing_a_pass_closes_the_connection() -> None:
    server = Server()
    async with running(server) as url:
        engine = await opened(url)
        server.hold = asyncio.Event()
        async with aclosing(engine.generate(asking())) as fragments:
            async for _ in fragments:
                break
        async with asyncio.timeout(120):
            while server.open_streams:
                await asyncio.sleep(0.01)
        await engine.close()
    assert not server.hold.is_set()


async def test_errors_are_unavailable_and_quote_nothing() -> None:
    server = Server()
    async with running(server) as url:
        engine = await opened(url)
        server.status = 503
        with pytest.raises(EngineFailed) as caught:
            async for _ in engine.generate(asking()):
                pass
        assert caught.value.retry_after == 7
        assert "secret" not in caught.value.message
        await engine.close()
    with pytest.raises(EngineFailed, match="cannot be used"):
        await opened("http://127.0.0.1:9/v1")
