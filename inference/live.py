"""One stream of live speech: drafts while it goes on, finals at its pauses."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

from inference.agreement import Hypothesis, joined, without_loop
from inference.events import Done, Draining, Event, Interim, LanguageDetected, Progress
from inference.finals import Finals, Pending
from inference.listening import Heard, Listener
from inference.scheduler import Ticket
from inference.session import Hearing
from inference.types import Decoded, DecodingOptions, Pcm, Priority, Window
from inference.wake import Signal
from rpc.errors import Overloaded, Unavailable

PROGRESS_SECONDS = 1.0
"""Audio between two reports."""
AHEAD_SECONDS = 1.0
"""How far a stream may be ahead of the clock before it counts as faster than real time."""
AHEAD_WINDOWS = 4
"""Finals on their way at which such a stream is held back."""
CONTEXT_CHARACTERS = 100
"""Text of the utterances before that a final is decoded behind: an utterance alone is short of context."""
CONTEXT_SECONDS = 5.0
"""Pause after which what was said before is no context."""
GUESS_SECONDS = 0.2
"""Pause after which the final is decoded in case that the pause goes on: what is left of it then hides the work."""
SURE_SECONDS = 1.5
"""Speech, weighed by probability, that settles the language of a stream."""


class Lagging(Unavailable):
    """Finals come too late: this server cannot keep up with the stream."""

    reason = "lagging"


class TooBusyForLive(Overloaded):
    """Finals of streams that are open wait too long for another to be taken."""


@dataclass(frozen=True, slots=True)
class LiveBounds:
    """How current live text is kept."""

    interval: float = 0.4
    """Least seconds of new audio between two drafts."""
    lag: float = 15.0
    """Seconds of audio that finals may be behind."""
    delay: float = 8.0
    """Seconds that finals may wait for a worker before new streams are refused."""
    first: float = 0.4
    """Seconds of an utterance before its first draft."""
    load: float = 0.5
    """Share of the workers' time that drafts may take: past it they are thinned."""


class Company:
    """The live streams of a process, and what a draft costs them."""

    def __init__(self, bounds: LiveBounds) -> None:
        self.bounds = bounds
        self.sessions: set[LiveSession] = set()
        self._cost = 0.1

    def note(self, seconds: float) -> None:
        """Add what a draft took, waiting included."""
        self._cost += 0.2 * (seconds - self._cost)

    def interval(self, workers: int) -> float:
        """Seconds between two drafts of a stream, so that all drafts together leave room for finals."""
        busy = sum(session.speaking for session in self.sessions)
        return max(self.bounds.interval, self._cost * busy / (self.bounds.load * workers))


class LiveSession:
    """Speech as it happens. Drafts are skipped rather than queued; finals never change."""

    def __init__(
        self, hearing: Hearing, listener: Listener, options: DecodingOptions, *, interim: bool, company: Company
    ) -> None:
        bounds = company.bounds
        if hearing.scheduler.waiting(Priority.FINAL) > bounds.delay:
            raise TooBusyForLive("the streams that are open wait too long already", retry_after=bounds.delay)
        self.changed = Signal()
        self._scheduler = hearing.scheduler
        self._listener = listener
        self._threads = hearing.threads
        self._number = hearing.scheduler.admit()
        self._options = options
        self._interim = interim
        self._company = company
        company.sessions.add(self)
        self._finals = Finals()
        self._tail: list[tuple[Pending, Hypothesis]] = []
        self._hypothesis = Hypothesis()
        self._shown = ""
        self._draft: Ticket[Decoded] | None = None
        self._drafted = 0.0
        self._guess: tuple[Window, Ticket[Decoded]] | None = None
        self._votes: defaultdict[str, float] = defaultdict(float)
        self._language = options.language
        self._context = ""
        self._said_until = 0.0
        self._events: list[Event] = []
        self._began: float | None = None
        self._reported = 0.0
        self._finished = self._told = False

    @property
    def received(self) -> float:
        """Seconds of audio so far."""
        return self._listener.received

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks now."""
        return self._listener.open_speech is not None

    @property
    def processed(self) -> float:
        """Seconds before which everything is final."""
        first = self._finals.first
        return min(first.span.start if first else self._settled, self.received)

    @property
    def _settled(self) -> float:
        """Seconds before which everything is final or in a window on its way."""
        return self._listener.needed

    async def feed(self, pcm: Pcm) -> None:
        """Take the next audio. Returns at once but for streams that are faster than real time."""
        if self._finished:
            return  # draining: this audio is for another replica
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        if self._listener.append(pcm):
            await self._hear(self._listener.hear)
            self._guess_final()
            self._draft_if_due()
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
            self._drop_tentative()
        self.changed.fire()

    def take(self) -> list[Event]:
        """Return what became known since the last call. Raises what went wrong."""
        for pending, decoded in self._finals.take():
            self._tail = [entry for entry in self._tail if entry[0] is not pending]
            self._elect(pending, decoded)
            self._events += decoded.segments
            self._remember(decoded)
            self._show(after_segment=bool(decoded.segments))
            self._report()
        if self._finished and not self._told and self._finals.empty:
            self._told = True
            language, share = self._finals.language
            self._events.append(
                Done(self.received, self._listener.speech_seconds, language, share, self._finals.dropped)
            )
        events, self._events = self._events, []
        return events

    def drain(self) -> None:
        """Say from where on another replica must take over; what is on its way is still made final."""
        if not self._finished:
            self._finished = True
            self._drop_tentative()
            self._events.append(Draining(self._settled))
            self.changed.fire()

    def close(self) -> None:
        """End the stream, finished or not: its windows leave the queue."""
        self._company.sessions.discard(self)
        self._drop_tentative()
        self._scheduler.leave(self._number)
        self._finals.cancel()

    async def _hear(self, listen: Callable[[], list[Heard]]) -> None:
        for heard in await asyncio.get_running_loop().run_in_executor(self._threads, listen):
            if isinstance(heard, Window):
                self._final(heard)
            else:
                self._events.append(heard)

    def _final(self, window: Window) -> None:
        pending = self._finals.expect(window)
        guess, self._guess = self._guess, None
        if guess and (guess[0].start, guess[0].speech) == (window.start, window.speech):
            ticket = guess[1]
        else:
            if guess:
                guess[1].cancel()
            ticket = self._decode_final(window)
        self._finals.submit(pending, ticket, self.changed.fire)
        self._tail.append((pending, self._hypothesis))
        self._hypothesis = Hypothesis()
        self._drop_draft()

    def _guess_final(self) -> None:
        """Decode what the final will be if the pause goes on, as long as a worker has nothing else to do."""
        window = self._listener.prospect(GUESS_SECONDS)
        if window is None:
            if self._guess and self._listener.pause < GUESS_SECONDS:
                self._guess[1].cancel()
                self._guess = None
            return
        if self._guess is None and self._scheduler.slots_in_use < self._scheduler.slots:
            self._drop_draft()
            ticket = self._decode_final(window)
            self._guess = (window, ticket)
            ticket.future.add_done_callback(lambda _: self._on_guess(ticket))

    def _on_guess(self, ticket: Ticket[Decoded]) -> None:
        """Show the guess while the pause has yet to become long enough."""
        if self._guess is None or self._guess[1] is not ticket or ticket.future.cancelled():
            return
        if ticket.future.exception() is None:
            text = " ".join(segment.text for segment in ticket.future.result().segments)
            self._hypothesis = self._hypothesis.follow(text)
            self._show()

    def _draft_if_due(self) -> None:
        speech = self._listener.open_speech
        if not self._interim or speech is None or self._draft is not None or self._guess is not None:
            return
        since = max(speech.speech[0].start + self._company.bounds.first - self._company.bounds.interval, self._drafted)
        if self.received - since < self._company.interval(self._scheduler.slots) or self._listener.pause > 0.3:
            return
        self._drafted = self.received
        window = self._listener.draft(speech.start)
        options = replace(self._options, draft=True, words=False)
        draft = self._draft = self._decode(window, Priority.INTERIM, options)
        began = time.monotonic()
        draft.future.add_done_callback(lambda _: self._on_draft(draft, began))

    def _on_draft(self, draft: Ticket[Decoded], began: float) -> None:
        if self._draft is not draft:
            return
        self._draft = None
        if draft.future.cancelled() or draft.future.exception() is not None:
            return  # a draft may be lost
        self._company.note(time.monotonic() - began)
        text = without_loop(" ".join(segment.text for segment in draft.future.result().segments))
        self._hypothesis = self._hypothesis.follow(text)
        self._show()

    def _show(self, *, after_segment: bool = False) -> None:
        """Tell the tentative text, unless the client knows it already."""
        if not self._interim:
            return
        tail = joined([*(hypothesis for _, hypothesis in self._tail), self._hypothesis])
        if tail.text or (self._shown and not after_segment):
            self._events.append(Interim(tail.text, tail.stable, min(self.processed, self.received), self.received))
            self.changed.fire()
        self._shown = tail.text

    def _remember(self, decoded: Decoded) -> None:
        for segment in decoded.segments:
            text = f"{self._context} {segment.text}".strip()
            if len(text) > CONTEXT_CHARACTERS:
                tail = text[-CONTEXT_CHARACTERS:]
                text = tail.partition(" ")[2] or tail
            self._context = text
            self._said_until = segment.end

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

    def _decode_final(self, window: Window) -> Ticket[Decoded]:
        options = self._options
        if self._context and window.start - self._said_until < CONTEXT_SECONDS:
            options = replace(options, prompt=f"{options.prompt} {self._context}".strip())
        return self._decode(window, Priority.FINAL, options)

    def _decode(self, window: Window, priority: Priority, options: DecodingOptions) -> Ticket[Decoded]:
        return self._scheduler.transcribe(self._number, window, options=options, priority=priority)

    def _drop_draft(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.cancel()

    def _drop_tentative(self) -> None:
        self._drop_draft()
        guess, self._guess = self._guess, None
        if guess is not None:
            guess[1].cancel()

    @property
    def _ahead(self) -> float:
        return self.received - (time.monotonic() - self._began if self._began is not None else 0.0)

    def _check_lag(self, elapsed: float) -> None:
        first = self._finals.first
        lag = min(self.received, elapsed + AHEAD_SECONDS) - first.span.end if first else 0.0
        if lag > self._company.bounds.lag:
            raise Lagging(f"finals are {lag:.0f} s behind the audio", lag_seconds=f"{lag:.1f}")

    def _report(self) -> None:
        self._reported = self.received
        self._events.append(Progress(self.received, self.processed))
