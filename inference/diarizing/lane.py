"""A lane: one stream's place in the pool, between the event loop that feeds it and the threads that advance it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.engines.diarization import Diarization, DiarizationEvent
from inference.types import SAMPLE_RATE, Pcm
from inference.wake import Signal
from rpc.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a pool is."""

    slots: int
    slots_in_use: int
    queued: float
    """Seconds of audio that wait."""
    queue_limit: float
    delay: float
    """Seconds that a new recording would wait."""


@dataclass(eq=False, slots=True)
class Task:
    """What one call does for one stream, and what came of it. Belongs to a worker thread while it runs."""

    stream: Diarization
    pcm: list[Pcm]
    flush: bool
    finish: bool
    events: list[DiarizationEvent] = field(default_factory=list)
    wanted: int = 0
    done: bool = False
    error: ServiceError | None = None

    @property
    def samples(self) -> int:
        """Samples that are handed over."""
        return sum(len(piece) for piece in self.pcm)

    def hand_over(self) -> None:
        """Give the stream what came in."""
        for piece in self.pcm:
            self.stream.push(piece)
        if self.flush:
            self.stream.flush()
        if self.finish:
            self.stream.finish()

    def collect(self) -> None:
        """Take what the stream has to say."""
        self.events = self.stream.take()
        self.wanted = self.stream.wanted
        self.done = self.stream.done


class Lane:
    """Used from the event loop only."""

    def __init__(self, stream: Diarization, *, live: bool, backlog: float, wake: Callable[[], None]) -> None:
        self.live = live
        self.served = 0
        self.since: float | None = None
        """When it began to wait for a thread."""
        self._stream = stream
        self._backlog = backlog
        self._wake = wake
        self._inbox: deque[Pcm] = deque()
        self._samples = 0
        self._handed = 0
        self._wanted = stream.wanted
        self._flush = self._finish = self._done = self._busy = False
        self._events: list[DiarizationEvent] = []
        self._error: ServiceError | None = None
        self._changed = Signal()

    @property
    def received(self) -> float:
        """Seconds of audio so far."""
        return (self._handed + self._samples) / SAMPLE_RATE

    @property
    def speech_seconds(self) -> float:
        """Audio with speech, once finished."""
        return self._stream.speech_seconds

    @property
    def waiting(self) -> float:
        """Seconds of audio that wait for a thread."""
        return self._samples / SAMPLE_RATE

    @property
    def ready(self) -> bool:
        """Whether a thread could do something for it now."""
        if self._busy or self._done or self._error:
            return False
        return self._flush or self._finish or self._samples >= self._wanted

    async def push(self, pcm: Pcm) -> None:
        """Take samples; returns when there is room for more: for live streams, when they are worked off."""
        self._inbox.append(pcm)
        self._samples += len(pcm)
        await self._until(lambda: not (self._busy or self.ready) or (not self.live and self.waiting < self._backlog))

    async def flush(self) -> None:
        """Have made final what can be."""
        self._flush = True
        await self._until(lambda: not self._flush and not self._busy)

    async def finish(self) -> None:
        """Say that no more audio comes, and wait until all of it is worked off."""
        self._finish = True
        await self._until(lambda: self._done)

    def take(self) -> list[DiarizationEvent]:
        """Return the events since the last call."""
        events, self._events = self._events, []
        return events

    def begin(self) -> Task:
        """Hand a worker as much as the stream has use for; the rest waits here, where it is counted."""
        pcm: list[Pcm] = []
        taken = 0
        while self._inbox and taken < self._wanted:
            pcm.append(self._inbox.popleft())
            taken += len(pcm[-1])
        self._handed += taken
        self._samples -= taken
        last = not self._inbox
        task = Task(self._stream, pcm, flush=self._flush and last, finish=self._finish and last)
        if last:
            self._flush = self._finish = False
        self._busy, self.since = True, None
        return task

    def end(self, task: Task) -> None:
        """Take what came of it."""
        self._busy = False
        self._events += task.events
        self._wanted, self._done = task.wanted, task.done
        self._error = self._error or task.error
        self._changed.fire()

    def fail(self, error: ServiceError) -> None:
        """End it with an error."""
        self._error = error
        self._changed.fire()

    def note_waiting(self, now: float) -> None:
        """Remember when it began to wait."""
        self.since = (self.since or now) if self.ready else None

    async def _until(self, condition: Callable[[], bool]) -> None:
        self._wake()
        while not self._error and not condition():
            await self._changed.fired
        if self._error:
            raise self._error
