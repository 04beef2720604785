"""Whose pass is next: a bounded queue before the engine that is fair between streams."""

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from summarizer.errors import QueueFull

_PACE = 100.0
"""Tokens a second before any was measured."""
_MEMORY = 0.8
"""Weight of the past in the measured pace."""


@dataclass(slots=True, eq=False)
class Ticket:
    """The place of one stream in the queue."""

    tokens: float
    """Of its work that has not begun."""
    waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque)


class Turns:
    """Lets so many passes run at once; free slots go round the streams that wait, one pass each.

    A stream is admitted or refused once, for all its work: a long transcript is not refused half-way.
    """

    def __init__(self, *, slots: int, limit: float) -> None:
        self.slots = slots
        self.limit = limit
        """Tokens that may wait; a stream that finds nothing waiting is always admitted."""
        self.running = 0
        self._tickets: list[Ticket] = []
        self._waiting: OrderedDict[int, Ticket] = OrderedDict()
        self._pace = _PACE

    @property
    def queued(self) -> float:
        """Tokens admitted whose pass has not begun."""
        return sum(ticket.tokens for ticket in self._tickets)

    @property
    def delay_seconds(self) -> float:
        """How long new work would wait, by the pace of the last passes."""
        return self.queued / self._pace / self.slots if self.running >= self.slots else 0.0

    @contextlib.contextmanager
    def admit(self, tokens: float) -> Iterator[Ticket]:
        """Give the work of one stream a place. Raises `QueueFull`."""
        queued = self.queued
        if queued and queued + tokens > self.limit:
            raise QueueFull(
                "more summaries wait than this server takes on", retry_after=max(1.0, round(self.delay_seconds, 1))
            )
        ticket = Ticket(tokens)
        self._tickets.append(ticket)
        try:
            yield ticket
        finally:
            self._tickets.remove(ticket)

    @contextlib.asynccontextmanager
    async def turn(self, ticket: Ticket, tokens: float) -> AsyncIterator[None]:
        """Wait until a pass of that many tokens may run, and hold its slot."""
        await self._wait(ticket)
        ticket.tokens = max(0.0, ticket.tokens - tokens)
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self._free()
            raise
        seconds = max(time.monotonic() - began, 1e-3)
        self._pace = _MEMORY * self._pace + (1 - _MEMORY) * tokens / seconds
        self._free()

    async def _wait(self, ticket: Ticket) -> None:
        if self.running < self.slots and not self._waiting:
            self.running += 1
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ticket.waiting.append(granted)
        self._waiting.setdefault(id(ticket), ticket)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._free()
            elif granted in ticket.waiting:
                ticket.waiting.remove(granted)
                if not ticket.waiting:
                    self._waiting.pop(id(ticket), None)
            raise

    def _free(self) -> None:
        """Hand the slot to the stream that has waited longest for its turn, or let it go."""
        while self._waiting:
            key, ticket = self._waiting.popitem(last=False)
            granted = ticket.waiting.popleft()
            if ticket.waiting:
                self._waiting[key] = ticket
            if not granted.done():
                granted.set_result(None)
                return
        self.running -= 1
