"""One stream of live speech: tentative text while it goes on, finals at its pauses."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from inference.events import Done, Draining, Event, Interim, LanguageDetected, Progress
from inference.finals import Finals, Pending
from inference.listening import Heard, Listener
from inference.recall import Recall
from inference.scheduler import Ticket
from inference.session import Hearing
from inference.tentative import Company, DraftBounds, Tentative
from inference.types import Decoded, DecodingOptions, Pcm, Priority, Window
from inference.wake import Signal
from rpc.errors import Overloaded, Unavailable

PROGRESS_SECONDS = 1.0
"""Audio between two reports."""
AHEAD_SECONDS = 1.0
"""How far a stream may be ahead of the clock before it counts as faster than real time."""
AHEAD_WINDOWS = 4
"""Finals on their way at which such a stream is held back."""
SURE_SECONDS = 3.0
"""Speech, weighed by probability, that settles the language of a stream."""


class Lagging(Unavailable):
    """Finals come too late: this server cannot keep up with the stream."""

    reason = "lagging"


class TooBusyForLive(Overloaded):
    """Finals of streams that are open wait too long for another to be taken."""


@dataclass(frozen=True, slots=True)
class LiveBounds:
    """When a live stream is refused or ended, and how its drafts are kept."""

    lag: float = 15.0
    """Seconds of audio that finals may be behind."""
    delay: float = 8.0
    """Seconds that finals may wait for a worker before new streams are refused."""
    drafts: DraftBounds = field(default_factory=DraftBounds)


class LiveSession:
    """Speech as it happens. Finals never change."""

    def __init__(
        self,
        hearing: Hearing,
        listener: Listener,
        options: DecodingOptions,
        *,
        interim: bool,
        bounds: LiveBounds,
        company: Company,
    ) -> None:
        if hearing.scheduler.waiting(Priority.FINAL) > bounds.delay:
            raise TooBusyForLive("the streams that are open wait too long already", retry_after=bounds.delay)
        self.changed = Signal()
        self._scheduler = hearing.scheduler
        self._listener = listener
        self._threads = hearing.threads
        self._number = hearing.scheduler.enter()
        self._options = replace(options, urgent=True)
        self._interim = interim
        self._bounds = bounds
        self._finals = Finals()
        self._tentative = Tentative(listener, hearing.scheduler, self._number, company)
        self._shown = ""
        self._votes: defaultdict[str, float] = defaultdict(float)
        self._language = options.language
        self._recall = Recall()
        self._windows: deque[tuple[Pending, Window]] = deque()
        """What is not final. One is decoded at a time: those before it are its context, at any pace."""
        self._events: list[Event] = []
        self._began: float | None = None
        self._reported = 0.0
        self._finished = self._told = False

    @property
    def received(self) -> float:
        """Seconds of audio so far."""
        return self._listener.received

    @property
    def processed(self) -> float:
        """Seconds before which everything is final."""
        first = self._finals.first
        return min(first.span.start if first else self._listener.needed, self.received)

    async def feed(self, pcm: Pcm) -> None:
        """Take the next audio. Returns at once but for streams that are faster than real time."""
        if self._finished:
            return  # draining: this audio is for another replica
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        if self._listener.append(pcm):
            await self._hear(self._listener.hear)
            self._tentative.advance(self._options, drafts=self._interim, final=self._foresee, changed=self._show)
        if self.received - self._reported >= PROGRESS_SECONDS:
            self._report()
        self._check_lag(now - self._began)
        while self._finals.undone >= AHEAD_WINDOWS and self._ahead > AHEAD_SECONDS:
            await self.changed.fired

    async def flush(self) -> None:
        """Make what was said so far final."""
        if not self._finished:
            await self._hear(self._listener.flush)

    async def finish(self) -> None:
        """No more audio comes: `Done` follows once everything is final."""
        if not self._finished:
            await self._hear(self._listener.finish)
            self._finished = True
            self._tentative.drop()
        self.changed.fire()

    def take(self) -> list[Event]:
        """Return what became known since the last call. Raises what went wrong."""
        for pending, decoded in self._finals.take():
            self._tentative.settle(pending)
            self._elect(pending, decoded)
            self._events += decoded.segments
            self._recall.remember(self._windows.popleft()[1], decoded)
            self._show(after_segment=bool(decoded.segments))
            self._report()
        self._go_on()
        if self._finished and not self._told and self._finals.empty:
            self._told = True
            language, share = self._finals.language
            spoken = self._listener.speech_seconds
            self._events.append(Done(self.received, spoken, language, share, self._finals.dropped))
        events, self._events = self._events, []
        return events

    def drain(self) -> None:
        """Say from where on another replica must take over; what is on its way is still made final."""
        if not self._finished:
            self._finished = True
            self._tentative.drop()
            self._events.append(Draining(min(self._listener.needed, self.received)))
            self.changed.fire()

    def close(self) -> None:
        """End the stream, finished or not: its windows leave the queue."""
        self._tentative.close()
        self._scheduler.leave(self._number)
        self._finals.cancel()

    async def _hear(self, listen: Callable[[], list[Heard]]) -> None:
        for heard in await asyncio.get_running_loop().run_in_executor(self._threads, listen):
            if isinstance(heard, Window):
                pending = self._finals.expect(heard)
                self._windows.append((pending, heard))
                if ticket := self._tentative.claim(pending, heard):
                    self._finals.submit(pending, ticket, self.changed.fire)
                self._go_on()
            else:
                self._events.append(heard)

    def _go_on(self) -> None:
        """Have the next window decoded, once all before it is final."""
        if self._windows and self._windows[0][0].ticket is None:
            pending, window = self._windows[0]
            self._finals.submit(pending, self._decode(window), self.changed.fire)

    def _foresee(self, window: Window) -> Ticket[Decoded] | None:
        """Begin with a window that a pause may bring, if all before it is final."""
        return self._decode(window) if self._finals.empty else None

    def _decode(self, window: Window) -> Ticket[Decoded]:
        window, options = self._recall.before(window, self._options)
        return self._scheduler.transcribe(self._number, window, options=options, priority=Priority.FINAL)

    def _show(self, *, after_segment: bool = False) -> None:
        """Tell the tentative text, unless the client knows it already."""
        if not self._interim:
            return
        tail = self._tentative.text
        if tail.text or (self._shown and not after_segment):
            self._events.append(Interim(tail.text, tail.stable, self.processed, self.received))
            self.changed.fire()
        self._shown = tail.text

    def _elect(self, pending: Pending, decoded: Decoded) -> None:
        """Let the utterances vote on the language until the lead is safe."""
        if self._options.language or not decoded.segments:
            return
        self._votes[decoded.language] += max(pending.speech_seconds, 0.1) * decoded.language_probability
        total = sum(self._votes.values())
        language, votes = max(self._votes.items(), key=lambda vote: vote[1])
        if language != self._language:
            self._language = language
            self._events.append(LanguageDetected(language, votes / total if total else 0.0))
        if votes > max(SURE_SECONDS, 0.8 * total):
            self._options = replace(self._options, language=language)

    @property
    def _ahead(self) -> float:
        return self.received - (time.monotonic() - self._began if self._began is not None else 0.0)

    def _check_lag(self, elapsed: float) -> None:
        first = self._finals.first
        lag = min(self.received, elapsed + AHEAD_SECONDS) - first.span.end if first else 0.0
        if lag > self._bounds.lag:
            raise Lagging(f"finals are {lag:.0f} s behind the audio", lag_seconds=f"{lag:.1f}")

    def _report(self) -> None:
        self._reported = self.received
        self._events.append(Progress(self.received, self.processed))
