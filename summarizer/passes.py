"""The passes of one stream over the engine: each in its turn, counted, broken off when the model runs in circles."""

import contextlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from summarizer import shape
from summarizer.engines import Engine, Generation
from summarizer.turns import Ticket, Turns
from summarizer.types import Usage

_TAIL = 48
"""Characters at the end of a text that are looked for further up; a shorter round is found with the next one."""
_ROUNDS = 3
"""Equal stretches one after the other that no list or formula explains."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """What a pass has written so far."""

    text: str
    cut: bool = False
    """Whether it broke off before its end."""
    circles: bool = False
    """Whether it broke off because the model said the same again."""


class Passes:
    """Runs generations for one stream and adds up what they used."""

    def __init__(self, engine: Engine, turns: Turns) -> None:
        self._engine = engine
        self._turns = turns
        self._ticket: Ticket | None = None
        self.usage = Usage()

    @contextlib.contextmanager
    def admitted(self, tokens: int) -> Iterator[None]:
        """Hold a place in the queue for so many tokens of reading. Raises `QueueFull`."""
        with self._turns.admit(tokens) as self._ticket:
            yield
        self._ticket = None

    async def stream(self, generation: Generation, *, tokens: int) -> AsyncGenerator[Written, None]:
        """Yield all that is written so far, each time there is more. `tokens`: what there is to read, about."""
        assert self._ticket is not None, "passes run only while they are admitted"  # noqa: S101
        text = ""
        written = 0
        async with (
            self._turns.turn(self._ticket, tokens),
            aclosing(self._engine.generate(generation)) as fragments,
        ):
            async for fragment in fragments:
                text += fragment.text
                written += bool(fragment.text)
                if fragment.usage is not None:
                    self.usage += fragment.usage
                    yield Written(text, fragment.cut)
                elif _circles(text, prose=generation.schema is None):
                    _log.info("generation_in_circles", characters=len(text))
                    # The engine's own count comes with the last fragment, which there is none of.
                    self.usage += Usage(tokens, 0, written, passes=1)
                    yield Written(text, cut=True, circles=True)
                    return
                elif fragment.text:
                    yield Written(text, cut=True)

    async def read(self, generation: Generation, *, tokens: int) -> Written:
        """Run a pass and return all that it wrote."""
        written = Written("")
        async with aclosing(self.stream(generation, tokens=tokens)) as stream:
            async for progress in stream:
                written = progress
        return written


def _circles(text: str, *, prose: bool) -> bool:
    """Say whether the model says again what it has said: it would not stop by itself."""
    before = text.rfind(text[-_TAIL:], 0, -1)
    period = len(text) - _TAIL - before
    if before >= 0 and len(text) >= _ROUNDS * period and text.endswith(text[-period:] * _ROUNDS):
        return True
    if not prose or text[-1:] not in ".!?。\uff01\uff1f":
        return False
    said = [shape.same(sentence) for sentence in shape.sentences(text)]
    return len(said) > 1 and len(said[-1]) > _TAIL // 2 and said[-1] in said[:-1]
