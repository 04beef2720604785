"""A lane: one edge after the other before a service that tells what it does, and the moment at which each is killed."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from speech.v1 import audio_pb2

from tests.house import Process
from tests.metered_edges import listening
from tests.policy.ambush import STEPS, ambush
from tests.policy.customers import Customer
from tests.scripted_speech import ScriptedTranscription

SPREAD = {"begun": 0.1, "heard": 0.03, "told": 0.02}
"""Seconds after each moment within which a kill is drawn."""
NARROW = ("answer", "answer", "end")
"""Steps that are over soonest, drawn more often."""


class Overheard(ScriptedTranscription):
    """A service that tells when it begins and when it has done its work."""

    def __init__(self) -> None:
        super().__init__(load=audio_pb2.Load(stream_limit=10_000))
        self.begun, self.heard = asyncio.Event(), asyncio.Event()

    async def _events(self, stream: Any) -> AsyncIterator[Any]:
        self.begun.set()
        async for event in super()._events(stream):
            if event.HasField("done"):
                self.heard.set()
            yield event


class Lane:
    """One edge after the other, each killed, and the service behind them."""

    def __init__(self, edge: Process, service: Overheard, *, url: str) -> None:
        self.edge = edge
        self.service = service
        self.length = 1.0
        """Seconds that a run takes whose edge lives."""
        self.told = asyncio.Event()
        """Whether a customer of this run was answered."""
        self.over = asyncio.Event()
        """Whether all of them were."""
        self._account = ""
        self._url = url

    def begin(self, found: Sequence[Customer]) -> None:
        """Forget the last run."""
        self._account = next(customer.account for customer in found if customer.kind == "keyed")
        for event in (self.service.begun, self.service.heard, self.told, self.over):
            event.clear()

    async def killed(self, chance: random.Random) -> str:
        """Kill the edge at a moment that is drawn, and say what it was.

        Half of them by the clock: from when all was sent, or from what the service and the customers see. For the
        others a step of the ledger is waited for, and the edge dies before it can take the next.
        """
        drawn = chance.choice(("asked", *SPREAD, *(["step"] * 4)))
        waits: dict[str, Callable[[], Awaitable[object]]] = {
            "begun": self.service.begun.wait,
            "heard": self.service.heard.wait,
            "told": self.told.wait,
        }
        if drawn == "step":
            drawn = chance.choice([*STEPS, *NARROW])
            await self._unless_over(lambda: ambush(self._url, drawn, account=self._account, strike=self._strike))
        elif drawn == "asked":
            await asyncio.sleep(chance.uniform(0, self.length))
        else:
            await self._unless_over(waits[drawn])
            await asyncio.sleep(chance.uniform(0, SPREAD[drawn]))
        await self.kill()
        return drawn

    async def start(self) -> None:
        """Start the next edge."""
        self.edge.start()
        await listening(self.edge)

    async def kill(self) -> None:
        """End the edge as `kill -9` does, if that has not been done, and wait until it is gone."""
        assert self.edge.child is not None
        self._strike()
        ended = await asyncio.to_thread(self.edge.child.wait)
        assert ended == -signal.SIGKILL, self.edge.logged()

    def _strike(self) -> None:
        assert self.edge.child is not None
        self.edge.child.kill()

    async def _unless_over(self, wait: Callable[[], Awaitable[object]]) -> None:
        """Wait for something that may never come: not longer than until all is over."""
        tasks = [asyncio.ensure_future(wait()), asyncio.ensure_future(self.over.wait())]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*done)
        await asyncio.gather(*pending, return_exceptions=True)
