"""The windows of one session that are being decoded for good: results leave in the order of the audio."""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from inference.scheduler import Ticket
from inference.types import Decoded, Dropped, Segment, Span, Window, Word


@dataclass(eq=False, slots=True)
class Pending:
    """A window on its way."""

    span: Span
    speech_seconds: float
    ticket: Ticket[Decoded] | None = None
    """None: it waits for the language."""

    @property
    def done(self) -> bool:
        """Whether its result is here."""
        return self.ticket is not None and self.ticket.future.done()


class Finals:
    """Puts results back into order and keeps count of what was left out and of the languages."""

    def __init__(self) -> None:
        self._pending: deque[Pending] = deque()
        self._floor = 0.0
        self._votes: defaultdict[str, float] = defaultdict(float)
        self._dropped: list[Dropped] = []

    @property
    def undone(self) -> int:
        """Windows without a result."""
        return sum(not pending.done for pending in self._pending)

    @property
    def empty(self) -> bool:
        """Whether every result was taken."""
        return not self._pending

    @property
    def first(self) -> Pending | None:
        """The earliest window whose result was not taken."""
        return self._pending[0] if self._pending else None

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """What was judged to be no speech."""
        return tuple(self._dropped)

    @property
    def language(self) -> tuple[str, float]:
        """The language of most of the speech and its share; empty if nothing was said."""
        total = sum(self._votes.values())
        if not total:
            return "", 0.0
        code, seconds = max(self._votes.items(), key=lambda vote: vote[1])
        return code, min(1.0, seconds / total)

    def expect(self, window: Window) -> Pending:
        """Add the next window."""
        pending = Pending(Span(window.start, window.end), sum(span.duration for span in window.speech))
        self._pending.append(pending)
        return pending

    def submit(self, pending: Pending, ticket: Ticket[Decoded], changed: Callable[[], None]) -> None:
        """Say where a window waits."""
        pending.ticket = ticket
        ticket.future.add_done_callback(lambda _: changed())

    def take(self) -> list[tuple[Pending, Decoded]]:
        """Take the results that are next in order. Raises what a window raised."""
        taken = []
        while self._pending and (ticket := self._pending[0].ticket) is not None and ticket.future.done():
            decoded = ticket.future.result()
            taken.append((self._pending.popleft(), decoded))
        return [(pending, self._settle(pending, decoded)) for pending, decoded in taken]

    def hand_over(self, pending: Pending) -> None:
        """Forget a window that somebody else decodes."""
        self._pending.remove(pending)

    def cancel(self) -> None:
        """Give up every window."""
        for pending in self._pending:
            if pending.ticket is not None:
                pending.ticket.cancel()
        self._pending.clear()

    def _settle(self, pending: Pending, decoded: Decoded) -> Decoded:
        segments = []
        for segment in decoded.segments:
            settled = _within(segment, Span(max(self._floor, pending.span.start), pending.span.end))
            self._floor = settled.end
            segments.append(settled)
        if segments:
            self._votes[decoded.language] += max(pending.speech_seconds, 0.1)
        self._dropped += decoded.dropped
        return replace(decoded, segments=tuple(segments))


def _within(segment: Segment, bounds: Span) -> Segment:
    """Keep a segment and its words inside bounds, never going back."""
    floor = bounds.start
    words: list[Word] = []
    for word in segment.words:
        start = min(max(word.start, floor), bounds.end)
        end = min(max(word.end, start), bounds.end)
        words.append(replace(word, start=start, end=end))
        floor = start
    start = min(max(segment.start, bounds.start), bounds.end)
    end = min(max(segment.end, start), bounds.end)
    if words:
        start, end = min(start, words[0].start), max(end, *(word.end for word in words))
    return replace(segment, start=start, end=end, words=tuple(words))
