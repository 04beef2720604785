"""Room for recordings: how much audio this edge has taken on, known before a request's body is read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from edge.convert import Runtime
from rpc.errors import Overloaded

SHARE = 1 / 8
"""Part of the services' bound that one recording counts for at most; theirs is the same."""
FIRST_GUESS = 60.0
"""Seconds that a recording is taken for until some were seen."""
MEMORY = 0.2
"""Weight of the last recording in what the next one is taken for."""
SPARSEST = 1000.0
"""Bytes of a second in the most compressed speech: a short body holds no long recording."""
HEADROOM = 0.1
"""Part of the bound that must be free before those who were refused come back."""


class Place:
    """What one request has still to be worked off."""

    def __init__(self, guess: float) -> None:
        self.seconds: float | None = None
        """Length of the recording; None: not known."""
        self.done = 0.0
        """Seconds of it that are worked off."""
        self._guess = guess

    @property
    def owed(self) -> float:
        """Audio to be worked off, seconds."""
        return self._guess if self.seconds is None else max(0.0, self.seconds - self.done)


class Room:
    """Takes requests on until what they owe reaches the services' bound, by their own count or by the services'.

    A look at the services is up to a second old and knows nothing of requests whose bodies are on their way; the
    places given here are known at once. Several edges do not see each other's: what they take on too much waits for
    room after its body has come.
    """

    def __init__(self) -> None:
        self._places: set[Place] = set()
        self._usual = FIRST_GUESS

    @contextmanager
    def place(self, seen: Mapping[str, Runtime], length: int | None) -> Iterator[Place]:
        """Give a place to a request whose body has `length` bytes, if known, by what was `seen` of the services.

        Raises `Overloaded` with the time until there is room.
        """
        limit = sum(runtime.queue_limit for runtime in seen.values())
        own = sum(min(place.owed, limit * SHARE) for place in self._places)
        owed = max(own, sum(runtime.queued for runtime in seen.values()))
        if 0 < limit <= owed:
            raise Overloaded("More audio waits than can be worked off soon.", retry_after=_wait(seen, owed - limit))
        place = Place(self._usual if length is None else min(self._usual, length / SPARSEST))
        self._places.add(place)
        try:
            yield place
        finally:
            self._places.discard(place)
            if place.seconds is not None:
                self._usual += MEMORY * (place.seconds - self._usual)


def _wait(seen: Mapping[str, Runtime], excess: float) -> float:
    """Seconds until the excess and some headroom are worked off, by the pace that the services measured."""
    limit = sum(runtime.queue_limit for runtime in seen.values())
    pace = sum(runtime.pace for runtime in seen.values()) or 1.0
    return max(1.0, (excess + HEADROOM * limit) / pace)
