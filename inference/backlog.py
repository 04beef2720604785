"""The backlog of a model: audio that was taken on and is not worked off, by session."""

SHARE = 1 / 8
"""Part of the bound that one session counts for at most: a few long recordings must not keep short ones out."""


class Backlog:
    """What every session still owes. Windows in the queue are a small part of it: recordings are read as they go."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        """Seconds of audio past which nothing more is taken on."""
        self._owed: dict[int, float] = {}

    @property
    def seconds(self) -> float:
        """Audio of all sessions, of each at most its share of the bound."""
        most = self.limit * SHARE
        return sum(min(owed, most) for owed in self._owed.values())

    def owe(self, session: int, seconds: float) -> None:
        """Say how much audio of a session is to be worked off."""
        self._owed[session] = max(0.0, seconds)

    def leave(self, session: int) -> None:
        """Forget a session."""
        self._owed.pop(session, None)
