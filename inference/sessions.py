"""Makes the session that a stream asks for, and knows those that are open."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from inference.convert import StreamConfig
from inference.endpointing import FILE_POLICY, LIVE_POLICY, EndpointingPolicy
from inference.listening import Listener
from inference.live import LiveBounds, LiveSession
from inference.planning import PlanSession, WholeWindow
from inference.scheduler import Scheduler
from inference.session import FileSession, Hearing, Session
from inference.tentative import Company
from inference.voice import Voices

PART_PATIENCE = 2.0
"""Times the bound of what may wait until windows of a planned recording are refused: it is at work already."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """Bounds of sessions."""

    live: LiveBounds
    files: EndpointingPolicy = FILE_POLICY
    speech: EndpointingPolicy = LIVE_POLICY


class Sessions:
    """All open sessions of the process."""

    def __init__(self, voices: Voices, policy: SessionPolicy, *, threads: Executor) -> None:
        self._voices = voices
        self._policy = policy
        self._threads = threads
        self._files: set[FileSession] = set()
        self._live: set[LiveSession] = set()
        self._company = Company(policy.live.drafts)
        self._draining = False

    @property
    def open(self) -> int:
        """How many there are."""
        return len(self._files) + len(self._live)

    @property
    def draining(self) -> bool:
        """Whether the process goes away."""
        return self._draining

    def drain(self) -> None:
        """Tell every session that the process goes away."""
        self._draining = True
        sessions: tuple[Session, ...] = (*self._files, *self._live)
        for session in sessions:
            session.drain()

    @contextmanager
    def session(self, config: StreamConfig, scheduler: Scheduler) -> Iterator[Session]:
        """Open a session. Raises QueueFull, TooBusyForLive."""
        hearing = Hearing(scheduler, self._threads)
        session: FileSession | LiveSession
        if config.window is not None:
            session = FileSession(
                hearing, WholeWindow(*config.window), config.options, companions=self._files, patience=PART_PATIENCE
            )
        elif config.live:
            listener = self._listener(self._policy.speech, config)
            session = LiveSession(
                hearing,
                listener,
                config.options,
                interim=config.interim,
                bounds=self._policy.live,
                company=self._company,
            )
            self._live.add(session)
        else:
            kind = PlanSession if config.plan_only else FileSession
            listener = self._listener(self._policy.files, config)
            session = kind(hearing, listener, config.options, companions=self._files, expected=config.expected)
        try:
            yield session
        finally:
            session.close()
            self._live -= {session}

    def _listener(self, policy: EndpointingPolicy, config: StreamConfig) -> Listener:
        return Listener(self._voices(), _bounded(policy, config))


def _bounded(policy: EndpointingPolicy, config: StreamConfig) -> EndpointingPolicy:
    if config.silence is not None:
        policy = replace(policy, silence=config.silence, pause=min(policy.pause, config.silence))
    if config.longest is not None:
        longest = min(config.longest, 29.0)
        policy = replace(policy, longest=longest, target=min(policy.target, longest / 2))
    return policy
