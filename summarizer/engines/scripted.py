"""An engine that says what a script tells it to: for tests of everything around a model."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from summarizer.engines import Capabilities, Fragment, Generation
from summarizer.errors import EngineFailed
from summarizer.types import Usage

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say to a prompt."""

    say: str
    when: str = ""
    """Regular expression that the last message must contain; empty: any."""
    times: int = 0
    """How often; 0: always."""
    fail: str = ""
    """Break off with this message after `say`."""
    circles: bool = False
    """Say it again and again until `max_tokens`."""


@dataclass(slots=True)
class Script:
    """Replies, the first that fits is given; and what came of it."""

    replies: Sequence[Reply]
    context_tokens: int = 8192
    slots: int = 2
    json_schema: bool = True
    small: bool = True
    gate: asyncio.Event | None = None
    """Set: each token waits until the event is set."""
    asked: list[Generation] = field(default_factory=list)
    """Every pass that began, in order."""
    running: int = 0
    aborted: int = 0
    """Passes that were closed before their end."""
    steps: int = 0
    """Tokens written in all."""


def read_script(path: Path | None) -> Script:
    """Read a script from a JSON list of replies; without one, say the first words of the transcript."""
    if path is None:
        return Script([Reply("")])
    return Script([Reply(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))])


class Scripted:
    """Follows the protocol of an engine in full: streams by token, obeys limits, aborts when closed."""

    def __init__(self, script: Script, *, model: str = "scripted") -> None:
        self.script = script
        self._given: dict[int, int] = {}
        self._closed = False
        self._capabilities = Capabilities(
            model=model,
            context_tokens=script.context_tokens,
            slots=script.slots,
            json_schema=script.json_schema,
            device="cpu",
            small=script.small,
        )

    @property
    def capabilities(self) -> Capabilities:
        """What callers may ask for."""
        return self._capabilities

    @property
    def alive(self) -> bool:
        """Whether it was not closed."""
        return not self._closed

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Count words and signs."""
        return [len(_TOKEN.findall(text)) for text in texts]

    async def generate(self, generation: Generation) -> AsyncGenerator[Fragment, None]:
        """Say the reply token by token."""
        script = self.script
        prompt = sum(await self.count([message.content for message in generation.messages]))
        if prompt + generation.max_tokens > script.context_tokens:
            raise EngineFailed(f"{prompt} tokens and {generation.max_tokens} more do not fit the context")
        script.asked.append(generation)
        script.running += 1
        said = 0
        ended = False
        try:
            reply = self._reply(generation)
            words = re.findall(r"\s*\S+", reply.say)
            while True:
                for word in words:
                    if said == generation.max_tokens:
                        break
                    await self._step()
                    said += 1
                    yield Fragment(word)
                if not reply.circles or not words or said == generation.max_tokens:
                    break
            if reply.fail:
                raise EngineFailed(reply.fail)
            ended = True
            yield Fragment("", said < len(words), Usage(prompt, 0, said, passes=1))
        finally:
            script.running -= 1
            script.aborted += not ended

    async def close(self) -> None:
        """Say nothing more."""
        self._closed = True

    async def _step(self) -> None:
        if self._closed:
            raise EngineFailed("the engine was closed")
        if self.script.gate is not None:
            await self.script.gate.wait()
        await asyncio.sleep(0)
        self.script.steps += 1

    def _reply(self, generation: Generation) -> Reply:
        content = generation.messages[-1].content
        for number, reply in enumerate(self.script.replies):
            if reply.times and self._given.get(number, 0) >= reply.times:
                continue
            if re.search(reply.when, content):
                self._given[number] = self._given.get(number, 0) + 1
                return reply
        raise EngineFailed("the script has no reply for this prompt")
