"""The tentative text of a live stream: drafts of speech that goes on, and guesses at finals that a pause may bring."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from inference.agreement import Hypothesis, joined, without_loop
from inference.finals import Pending
from inference.listening import Listener
from inference.scheduler import Scheduler, Ticket
from inference.types import Decoded, DecodingOptions, Priority, Window

GUESS_SECONDS = 0.2
"""Pause after which the final is decoded in case that the pause goes on: what is left of it then hides the work."""
DRAFT_PAUSE_SECONDS = 0.3
"""Pause in which drafts have nothing new to tell."""


@dataclass(frozen=True, slots=True)
class DraftBounds:
    """How current tentative text is kept."""

    interval: float = 0.4
    """Least seconds of new audio between two drafts."""
    first: float = 0.4
    """Seconds of an utterance before its first draft."""
    load: float = 0.3
    """Share of the workers' time that drafts may take: past it they are thinned."""


class Company:
    """The live streams of a process, and what a draft costs them."""

    def __init__(self, bounds: DraftBounds) -> None:
        self.bounds = bounds
        self.members: set[Tentative] = set()
        self._cost = 0.1

    def note(self, seconds: float) -> None:
        """Add what a draft took, waiting included."""
        self._cost += 0.2 * (seconds - self._cost)

    def interval(self, workers: int) -> float:
        """Seconds between two drafts of a stream, so that all drafts together leave room for finals."""
        speaking = sum(member.speaking for member in self.members)
        return max(self.bounds.interval, self._cost * speaking / (self.bounds.load * workers))


class Tentative:
    """What one stream says before it is final. Drafts are skipped rather than queued: there is one at a time."""

    def __init__(self, listener: Listener, scheduler: Scheduler, session: int, company: Company) -> None:
        self._listener = listener
        self._scheduler = scheduler
        self._session = session
        self._company = company
        company.members.add(self)
        self._tail: list[tuple[Pending, Hypothesis]] = []
        self._hypothesis = Hypothesis()
        self._draft: Ticket[Decoded] | None = None
        self._drafted = 0.0
        self._guess: tuple[Window, Ticket[Decoded]] | None = None

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks now."""
        return self._listener.open_speech is not None

    @property
    def text(self) -> Hypothesis:
        """The text of all audio that is not final."""
        return joined([*(hypothesis for _, hypothesis in self._tail), self._hypothesis])

    def advance(
        self,
        options: DecodingOptions,
        *,
        drafts: bool,
        final: Callable[[Window], Ticket[Decoded] | None],
        changed: Callable[[], None],
    ) -> None:
        """Start what the audio so far makes worth starting; `changed` is called when it changed the text."""
        self._advance_guess(final, changed)
        if drafts:
            self._advance_draft(replace(options, draft=True, words=False), changed)

    def claim(self, pending: Pending, window: Window) -> Ticket[Decoded] | None:
        """Close the utterance that became a window; return the guess at its final, if there is one."""
        guess, self._guess = self._guess, None
        self._tail.append((pending, self._hypothesis))
        self._hypothesis = Hypothesis()
        self._drop_draft()
        if guess is None:
            return None
        if _same(guess[0], window):
            return guess[1]
        guess[1].cancel()
        return None

    def settle(self, pending: Pending) -> None:
        """Let go of the text of a window that is final."""
        self._tail = [entry for entry in self._tail if entry[0] is not pending]

    def drop(self) -> None:
        """Give up what is being decoded tentatively."""
        self._drop_draft()
        self._drop_guess()

    def close(self) -> None:
        """Leave the company."""
        self.drop()
        self._company.members.discard(self)

    def _advance_guess(self, final: Callable[[Window], Ticket[Decoded] | None], changed: Callable[[], None]) -> None:
        window = self._listener.prospect(GUESS_SECONDS)
        if window is None:
            if self._listener.speaking:
                self._drop_guess()
            return
        if self._guess is not None and not _same(self._guess[0], window):
            self._drop_guess()
        if self._guess is None and not self._scheduler.waiting(Priority.FINAL):
            # A guess may be for nothing: it goes before drafts, and is not made where finals wait.
            ticket = final(window)
            if ticket is None:
                return
            self._drop_draft()
            self._guess = (window, ticket)
            ticket.future.add_done_callback(lambda _: self._on_guess(ticket, changed))

    def _on_guess(self, ticket: Ticket[Decoded], changed: Callable[[], None]) -> None:
        if self._guess is not None and self._guess[1] is ticket:
            self._follow(ticket, changed)

    def _advance_draft(self, options: DecodingOptions, changed: Callable[[], None]) -> None:
        speech, bounds = self._listener.open_speech, self._company.bounds
        if speech is None or self._draft or self._guess or self._listener.pause > DRAFT_PAUSE_SECONDS:
            return
        received = self._listener.received
        since = max(speech.speech[0].start + bounds.first - bounds.interval, self._drafted)
        if received - since < self._company.interval(self._scheduler.slots):
            return
        self._drafted, began = received, time.monotonic()
        draft = self._draft = self._scheduler.transcribe(
            self._session, self._listener.draft(speech.start), options=options, priority=Priority.INTERIM
        )
        draft.future.add_done_callback(lambda _: self._on_draft(draft, began, changed))

    def _on_draft(self, draft: Ticket[Decoded], began: float, changed: Callable[[], None]) -> None:
        if self._draft is draft:
            self._draft = None
            self._company.note(time.monotonic() - began)
            self._follow(draft, changed)

    def _follow(self, ticket: Ticket[Decoded], changed: Callable[[], None]) -> None:
        """Take the result for the next hypothesis. One that failed is lost: nothing tentative is worth an error."""
        if not ticket.future.cancelled() and ticket.future.exception() is None:
            text = " ".join(segment.text for segment in ticket.future.result().segments)
            self._hypothesis = self._hypothesis.follow(without_loop(text))
            changed()

    def _drop_draft(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.cancel()

    def _drop_guess(self) -> None:
        guess, self._guess = self._guess, None
        if guess is not None:
            guess[1].cancel()


def _same(one: Window, other: Window) -> bool:
    """Whether two windows of a stream hold the same audio."""
    return (one.start, one.end, one.speech) == (other.start, other.end, other.speech)
