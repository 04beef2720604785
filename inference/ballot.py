"""The ballot on the language of a recording: whose audio is looked at, and who won."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from inference.language import vote
from inference.scheduler import Ticket
from inference.types import SAMPLE_RATE, LanguageScores, Pcm, Window

VOTERS = 3
"""Windows that decide the language of a recording."""
VOTER_SECONDS = 12.0
"""Audio of each that is looked at."""
WHOLE_SECONDS = 8.0
"""A recording up to this long is looked at whole: the quiet edges that its windows lack tell its language too."""


def voters(windows: Sequence[Window], short: Pcm | None = None) -> list[Window]:
    """What is looked at: the beginnings of the first windows, or all of a short recording."""
    if short is not None:
        return [Window(0.0, short, tuple(span for window in windows for span in window.speech))]
    return [replace(window, pcm=window.pcm[: round(VOTER_SECONDS * SAMPLE_RATE)]) for window in windows[:VOTERS]]


def count(windows: Sequence[Window], scores: Sequence[LanguageScores]) -> tuple[str, float]:
    """The language that won and its share; see `vote`."""
    return vote(scores, [sum(span.duration for span in window.speech) for window in windows])


class Ballot:
    """One vote, on a loop's thread."""

    def __init__(self, score: Callable[[Window], Ticket[LanguageScores]], counted: Callable[[], None]) -> None:
        self._score = score
        self._counted = counted
        self._voters: Sequence[Window] = ()
        self._tickets: list[Ticket[LanguageScores]] = []

    @property
    def called(self) -> bool:
        """Whether it is on its way or over."""
        return bool(self._tickets)

    def call(self, windows: Sequence[Window]) -> None:
        """Have the voters scored; `counted` is called once all are."""
        self._voters = windows
        self._tickets = [self._score(window) for window in windows]
        for ticket in self._tickets:
            ticket.future.add_done_callback(lambda _: self._came())

    def result(self) -> tuple[str, float]:
        """The language that won and its share of the vote. Raises what a voter's score raised."""
        return count(self._voters, [ticket.future.result() for ticket in self._tickets])

    def close(self) -> None:
        """Nobody asks any more."""
        for ticket in self._tickets:
            ticket.cancel()

    def _came(self) -> None:
        futures = [ticket.future for ticket in self._tickets]
        if all(future.done() for future in futures) and not any(future.cancelled() for future in futures):
            self._counted()
