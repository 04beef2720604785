"""The engine by URL: any server that speaks OpenAI's chat completions, as vLLM's own, KServe's and Ray's do."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from tokenizers import Tokenizer

from summarizer.engines import Capabilities, Fragment, Generation, Message, Schema
from summarizer.errors import EngineFailed
from summarizer.types import Usage

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)
_RETRY_SECONDS = 5.0
_BLOCK = 16_384
"""Characters that are counted with one request."""
_LEAST_BYTES = 2
"""Bytes of text that a token has at least, about, where nothing can count tokens: too many rather than too few."""
_SCHEMA: Schema = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}

_log = structlog.get_logger(__name__)


class OpenAI:
    """A client of one model of one server."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tokenizer: Tokenizer | None) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._tokenizer = tokenizer
        self._remote_tokenizer = False
        self._capabilities = Capabilities("", 0, 0, json_schema=False, device="cpu")

    @classmethod
    async def open(
        cls, url: str, *, key: str, model: str, context_tokens: int, slots: int, tokenizer: Path | None
    ) -> "OpenAI":
        """Find out what the server has and can. `model` empty: the first that it lists. Raises `EngineFailed`."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        session = aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT)
        engine = cls(session, url, Tokenizer.from_file(str(tokenizer)) if tokenizer is not None else None)
        try:
            await engine._explore(model, context_tokens=context_tokens, slots=slots)
        except BaseException:
            await session.close()
            raise
        return engine

    @property
    def capabilities(self) -> Capabilities:
        """What callers may ask for."""
        return self._capabilities

    @property
    def alive(self) -> bool:
        """Whether it can answer; a server that is away now may be back for the next pass."""
        return not self._session.closed

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each text: by the given tokenizer, by the server, or else by a bound."""
        if self._tokenizer is not None:
            return [len(each.ids) for each in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]
        if self._remote_tokenizer:
            return await self._count_remotely(texts)
        return [len(text.encode()) // _LEAST_BYTES + 1 for text in texts]

    async def generate(self, generation: Generation) -> AsyncGenerator[Fragment, None]:
        """Write the answer, fragment by fragment. Closing it closes the connection, which aborts the request."""
        body: dict[str, Any] = {
            "model": self._capabilities.model,
            "messages": [{"role": message.role, "content": message.content} for message in generation.messages],
            "max_tokens": generation.max_tokens,
            "temperature": generation.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if generation.schema is not None:
            form = {"name": "answer", "strict": True, "schema": generation.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        cut = False
        usage = Usage(passes=1)
        try:
            async with self._session.post(f"{self._url}/chat/completions", json=body) as response:
                await _raise_for_status(response)
                async for chunk in _events(response.content):
                    if chunk.get("usage"):
                        usage = _usage(chunk["usage"])
                    for choice in chunk.get("choices", ())[:1]:
                        cut = cut or choice.get("finish_reason") == "length"
                        if text := (choice.get("delta") or {}).get("content"):
                            yield Fragment(text)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise _failed(error) from error
        yield Fragment("", cut, usage)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _explore(self, model: str, *, context_tokens: int, slots: int) -> None:
        try:
            async with self._session.get(f"{self._url}/models") as response:
                await _raise_for_status(response)
                listed = (await response.json())["data"]
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise _failed(error) from error
        rows = [row for row in listed if model in {"", row["id"]}]
        if not rows:
            raise EngineFailed(f"the server does not list the model {model!r}", retry_after=_RETRY_SECONDS)
        context = min(context_tokens, rows[0].get("max_model_len") or context_tokens)
        self._capabilities = Capabilities(rows[0]["id"], context, slots, json_schema=True, device="cpu")
        self._remote_tokenizer = self._tokenizer is None and await self._can_count()
        if not await self._obeys_schemas():
            self._capabilities = Capabilities(rows[0]["id"], context, slots, json_schema=False, device="cpu")
        _log.info(
            "server_found",
            model=rows[0]["id"],
            context=context,
            json_schema=self._capabilities.json_schema,
            counts=bool(self._tokenizer) or self._remote_tokenizer,
        )

    async def _obeys_schemas(self) -> bool:
        messages = (Message("user", 'Answer {"ok": true}'),)
        try:
            said = ""
            async for fragment in self.generate(Generation(messages, max_tokens=32, schema=_SCHEMA)):
                said += fragment.text
            return isinstance(json.loads(said)["ok"], bool)
        except (EngineFailed, ValueError, KeyError, TypeError):
            return False

    async def _can_count(self) -> bool:
        try:
            return await self._count_remotely(["one two three"]) > [0]
        except EngineFailed:
            return False

    async def _count_remotely(self, texts: Sequence[str]) -> list[int]:
        """Ask vLLM's `/tokenize`, which lies beside `/v1`.

        Thousands of short lines are asked about in blocks; the tokens of a block are shared out by length.
        """
        counts: list[int] = []
        for block in _blocks(texts):
            tokens = await self._count_block("\n".join(block))
            size = sum(len(text) for text in block) or 1
            counts.extend(tokens if len(block) == 1 else -(-tokens * len(text) // size) for text in block)
        return counts

    async def _count_block(self, text: str) -> int:
        url = f"{self._url.removesuffix('/v1')}/tokenize"
        body = {"model": self._capabilities.model, "prompt": text, "add_special_tokens": False}
        try:
            async with self._session.post(url, json=body) as response:
                await _raise_for_status(response)
                return int((await response.json())["count"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise _failed(error) from error


def _blocks(texts: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for text in texts:
        if block and sum(map(len, block)) + len(text) > _BLOCK:
            yield block
            block = []
        block.append(text)
    if block:
        yield block


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON of each server-sent event until `[DONE]`."""
    buffer = b""
    async for block in content.iter_any():
        buffer += block
        *whole, buffer = buffer.split(b"\n")
        for line in whole:
            data = line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
            if data == b"[DONE]":
                return
            if data:
                event: dict[str, Any] = json.loads(data)
                if "error" in event:
                    raise ValueError("the server reports an error in the stream")
                yield event


async def _raise_for_status(response: aiohttp.ClientResponse) -> None:
    if response.status >= 400:
        # The body may quote the transcript: it goes to nobody.
        raise EngineFailed(f"the model's server answers {response.status}", retry_after=_retry_after(response))


def _retry_after(response: aiohttp.ClientResponse) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else _RETRY_SECONDS


def _failed(error: Exception) -> EngineFailed:
    return EngineFailed(f"the model's server cannot be used: {type(error).__name__}", retry_after=_RETRY_SECONDS)


def _usage(usage: dict[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        usage.get("prompt_tokens") or 0,
        details.get("cached_tokens") or 0,
        usage.get("completion_tokens") or 0,
        passes=1,
    )
