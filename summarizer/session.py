"""The state of one stream: the transcript so far, what was asked for, and what was used."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from summarizer.errors import EmptyText
from summarizer.passes import Passes
from summarizer.resident import Resident
from summarizer.transcript import Transcript
from summarizer.turns import Turns
from summarizer.types import Delta, Order, Summary, Usage
from summarizer.writer import Writer


class Session:
    """Summarizes one transcript, at checkpoints and at its end."""

    def __init__(self, order: Order, *, resident: Resident, turns: Turns, limit: int) -> None:
        self._order = order
        self._resident = resident
        self._turns = turns
        self._notes: dict[str, str] = {}
        self.transcript = Transcript(limit=limit)
        self.usage = Usage()
        self.model = resident.model
        """Id of what wrote the last summary."""

    async def summarize(self, *, checkpoint: bool = False) -> AsyncGenerator[Delta | Summary, None]:
        """Yield previews if they were asked for, then the summary of what came so far.

        Raises `EmptyText` at the end of a stream in which nothing was said.
        """
        utterances = await asyncio.to_thread(self.transcript.utterances)
        if not utterances:
            if not checkpoint:
                raise EmptyText("there is no text to summarize")
            yield Summary("", checkpoint=True, model=self.model)
            return
        async with self._resident.lease() as engine:
            passes = Passes(engine, self._turns)
            writer = Writer(engine, passes, notes=self._notes)
            try:
                async with aclosing(writer.write(utterances, self._order)) as events:
                    async for event in events:
                        if isinstance(event, Summary):
                            self.model = event.model
                            yield replace(event, checkpoint=checkpoint)
                        else:
                            yield event
            finally:
                self.usage += passes.usage
