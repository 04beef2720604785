"""The pace of an engine: how much audio it works off, measured while it works."""

import math

HORIZON = 60.0
"""Seconds of work after which an old measurement weighs a third."""


class Pace:
    """Audio per second of all workers together, as an average that forgets."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        # A modest guess that the first minute of work replaces.
        self._audio, self._seconds = 10.0, 5.0

    @property
    def audio_per_second(self) -> float:
        """Seconds of audio that all workers do in a second."""
        return max(0.01, self._workers * self._audio / self._seconds)

    def note(self, *, audio: float, seconds: float) -> None:
        """Add what one worker did. Called from worker threads; a lost update does no harm."""
        seconds = max(seconds, 1e-4)
        kept = math.exp(-seconds / HORIZON)
        self._audio, self._seconds = self._audio * kept + audio, self._seconds * kept + seconds
