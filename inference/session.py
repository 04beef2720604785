"""One stream of a recording: audio in, windows out to the scheduler, segments back in order."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from inference.ballot import VOTERS, WHOLE_SECONDS, Ballot, voters
from inference.events import Done, Event, LanguageDetected, Progress
from inference.finals import Finals, Pending
from inference.listening import Heard, Hears
from inference.scheduler import Scheduler
from inference.types import DecodingOptions, Pcm, Priority, Window
from inference.wake import Signal

PROGRESS_SECONDS = 10.0
"""Audio between two reports of what was received."""


class Session(Protocol):
    """The state of one stream. Fed by one task; its events are taken by the same task."""

    changed: Signal
    """Fires when `take` may have something."""

    @property
    def received(self) -> float:
        """Seconds of audio so far."""
        ...

    async def feed(self, pcm: Pcm) -> None:
        """Take the next audio. Returns when there is room for more."""
        ...

    async def flush(self) -> None:
        """Make what was said so far final."""
        ...

    async def finish(self) -> None:
        """No more audio comes: `Done` follows once everything is final."""
        ...

    def take(self) -> list[Event]:
        """Return what became known since the last call. Raises what went wrong."""
        ...

    def drain(self) -> None:
        """The server is going away."""
        ...

    def close(self) -> None:
        """End the stream, finished or not: its windows leave the queue."""
        ...


@dataclass(frozen=True, slots=True)
class Hearing:
    """What every session needs for itself."""

    scheduler: Scheduler
    threads: Executor
    """Where listening runs."""


class FileSession:
    """A recording, taken as fast as the engine works it off; what it holds does not grow with its length."""

    def __init__(
        self,
        hearing: Hearing,
        listener: Hears,
        options: DecodingOptions,
        *,
        companions: "set[FileSession]",
        expected: float = 0.0,
        patience: float = 1.0,
    ) -> None:
        self.changed = Signal()
        self._scheduler = hearing.scheduler
        self._listener = listener
        self._threads = hearing.threads
        self._number = hearing.scheduler.admit(expected=expected, patience=patience)
        self._expected = expected
        self._options = options
        self._companions = companions
        companions.add(self)
        self._finals = Finals()
        self._events: list[Event] = []
        self._undecided: list[tuple[Pending, Window]] = []
        self._short: list[Pcm] = []
        """All audio so far, while it is a short recording's."""
        self._ballot = Ballot(
            lambda window: self._scheduler.detect(self._number, window, priority=Priority.FILE), self._elected
        )
        self._confidence = 1.0
        self._failure: BaseException | None = None
        self._finished = self._told = False
        self._reported = 0.0
        self._owe()

    @property
    def received(self) -> float:
        """Seconds of audio so far."""
        return self._listener.received

    async def feed(self, pcm: Pcm) -> None:
        """Take the next audio. Returns when there is room for more."""
        self._short.append(pcm)
        if self._listener.append(pcm):
            await self._hear(self._listener.hear)
        if self.received > WHOLE_SECONDS:
            self._short.clear()
        self._owe()
        if self._listener.received - self._reported >= PROGRESS_SECONDS:
            self._report()
        while self._finals.undone >= self._share and self._failure is None:
            await self.changed.fired

    async def flush(self) -> None:
        """Make what was said so far final."""
        await self._hear(self._listener.flush)
        self._decide()

    async def finish(self) -> None:
        """No more audio comes: `Done` follows once everything is final."""
        await self._hear(self._listener.finish)
        self._finished = True
        self._owe()
        self._decide()
        self.changed.fire()

    def take(self) -> list[Event]:
        """Return what became known since the last call. Raises what went wrong."""
        if self._failure is not None:
            raise self._failure
        for _, decoded in self._finals.take():
            if not self._options.language and decoded.segments:
                self._language(decoded.language, decoded.language_probability)
            self._events += decoded.segments
            self._report()
            self._owe()
        if self._finished and not self._told and self._finals.empty:
            self._told = True
            self._events.append(self._done())
        events, self._events = self._events, []
        return events

    def drain(self) -> None:
        """A recording is worked off in the time that a drain grants."""

    def close(self) -> None:
        """End the stream, finished or not: its windows leave the queue."""
        self._companions.discard(self)
        self._scheduler.leave(self._number)
        self._ballot.close()
        self._finals.cancel()

    @property
    def _share(self) -> int:
        # More than the voters: until they have voted, nothing of a stream is worked off.
        return max(VOTERS + 1, self._scheduler.depth // max(1, len(self._companions)))

    async def _hear(self, listen: Callable[[], list[Heard]]) -> None:
        for heard in await asyncio.get_running_loop().run_in_executor(self._threads, listen):
            if isinstance(heard, Window):
                self._window(heard)
            else:
                self._events.append(heard)

    def _decide(self) -> None:
        """Wait no longer for windows that would vote. A single one of more audio needs none: the engine finds it."""
        if self._ballot.called or not self._undecided:
            return
        windows = [window for _, window in self._undecided]
        if self._finished and self._short:
            self._ballot.call(voters(windows, np.concatenate(self._short)))
        elif len(windows) > 1:
            self._ballot.call(voters(windows))
        else:
            self._submit_all()

    def _window(self, window: Window) -> None:
        pending = self._finals.expect(window)
        if self._options.language:
            self._submit(pending, window)
            return
        self._undecided.append((pending, window))
        if len(self._undecided) == VOTERS and not self._ballot.called:
            self._ballot.call(voters([window for _, window in self._undecided]))

    def _submit(self, pending: Pending, window: Window) -> None:
        ticket = self._scheduler.transcribe(self._number, window, options=self._options, priority=Priority.FILE)
        self._finals.submit(pending, ticket, self.changed.fire)

    def _submit_all(self) -> None:
        undecided, self._undecided = self._undecided, []
        for pending, window in undecided:
            self._submit(pending, window)

    def _elected(self) -> None:
        """Have all windows decoded in the language that won."""
        try:
            code, share = self._ballot.result()
        except Exception as failure:
            self._failure = failure
        else:
            if code:
                self._language(code, share)
            self._submit_all()
        self.changed.fire()

    def _language(self, code: str, confidence: float) -> None:
        self._options = replace(self._options, language=code)
        self._confidence = confidence
        self._events.append(LanguageDetected(code, confidence))

    def _report(self) -> None:
        self._reported = self._listener.received
        self._events.append(Progress(self._listener.received, self._processed))

    def _owe(self) -> None:
        coming = 0.0 if self._finished else self._expected
        self._scheduler.backlog.owe(self._number, max(coming, self._listener.received) - self._processed)

    @property
    def _processed(self) -> float:
        first = self._finals.first
        processed = first.span.start if first else self._listener.needed
        return min(processed, self._listener.received)

    def _done(self) -> Done:
        language, share = self._finals.language
        confidence = self._confidence if language == self._options.language else share
        return Done(
            self._listener.received,
            self._listener.speech_seconds,
            language,
            confidence if language else 0.0,
            self._finals.dropped,
        )
