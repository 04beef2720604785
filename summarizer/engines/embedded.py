"""The engine that needs neither GPU nor compiler: a GGUF model in a child process on the CPU."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from pathlib import Path

from summarizer.engines import Capabilities, Fragment, Generation
from summarizer.engines.embedded_child import Child
from summarizer.errors import EngineFailed
from summarizer.types import Usage

_RETRY_SECONDS = 5.0


class Embedded:
    """Runs one pass at a time: on a few cores, passes side by side gain nothing.

    A child that dies, or that has to be ended because it is deep in a prefill that nobody wants, is started anew by
    the next call.
    """

    def __init__(
        self,
        path: Path,
        *,
        model: str,
        context_tokens: int,
        threads: int = 0,
        niceness: int = 0,
        cancel_seconds: float | None = None,
    ) -> None:
        """`threads` 0: one a core. `cancel_seconds`: time for a cancelled pass to end; None: that of a load."""
        self._path = path
        self._threads = threads
        self._niceness = niceness
        self._cancel_seconds = cancel_seconds
        self._child: Child | None = None
        self._starting = asyncio.Lock()
        self._capabilities = Capabilities(
            model=model, context_tokens=context_tokens, slots=1, json_schema=True, device="cpu", small=True
        )

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        model: str,
        context_tokens: int,
        threads: int = 0,
        niceness: int = 0,
        cancel_seconds: float | None = None,
    ) -> "Embedded":
        """Load the model, once to know that it loads. Raises `EngineFailed`."""
        engine = cls(
            path,
            model=model,
            context_tokens=context_tokens,
            threads=threads,
            niceness=niceness,
            cancel_seconds=cancel_seconds,
        )
        await engine._running()
        return engine

    @property
    def capabilities(self) -> Capabilities:
        """What callers may ask for."""
        return self._capabilities

    @property
    def alive(self) -> bool:
        """Whether it can answer: always, since it starts its child anew."""
        return True

    @property
    def process(self) -> int | None:
        """Id of the child process while there is one."""
        return self._child.process if self._child is not None and self._child.alive else None

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each text with the model's own tokenizer."""
        child = await self._running()
        async with child.call({"count": list(texts)}) as replies:
            async for reply in replies:
                counts: list[int] = reply["counts"]
                return counts
        raise EngineFailed("the engine gave no count", retry_after=_RETRY_SECONDS)

    async def generate(self, generation: Generation) -> AsyncGenerator[Fragment, None]:
        """Write the answer, fragment by fragment."""
        child = await self._running()
        async with child.call({"generate": asdict(generation)}) as replies:
            async for reply in replies:
                if "end" not in reply:
                    yield Fragment(reply["text"])
                    continue
                end = reply["end"]
                yield Fragment("", end["cut"], Usage(end["prompt"], end["cached"], end["completion"], passes=1))
                return

    async def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    async def _running(self) -> Child:
        async with self._starting:
            if self._child is None or not self._child.alive:
                if self._child is not None:
                    await self._child.end()
                child = await Child.start(self._path, threads=self._threads, niceness=self._niceness)
                if self._cancel_seconds is not None:
                    child.cancel_seconds = self._cancel_seconds
                self._child = child
            return self._child
