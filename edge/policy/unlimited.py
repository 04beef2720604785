"""The policy of a closed network: everybody may do everything, and nothing is counted."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from edge.policy import Admission, Kind, Policy, Principal, Tier
from edge.policy.outcomes import Answer, Fresh, Limit, Outcome, Running

GIBIBYTE = 2**30


class OpenAdmission(Admission):
    """Bounded in bytes only."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Nothing is counted."""
        return ()

    async def begin(self, key: str, fingerprint: str) -> Outcome:
        """Nothing is remembered, so everything is fresh."""
        return Fresh()

    async def finish(self, answer: Answer, *, seconds: float) -> None:
        """Nothing is kept."""

    async def hold(self, seconds: float) -> None:
        """Nothing is set aside."""

    async def settle(self, seconds: float) -> None:
        """Nothing is charged."""


class Unlimited(Policy):
    """Lets everybody in as the same anonymous caller, uploads of at most `max_bytes`."""

    def __init__(self, *, max_bytes: int = 2 * GIBIBYTE) -> None:
        self.principal = Principal("open", Tier("open", max_bytes, concurrent=0), anonymous=True)

    async def identify(
        self,
        *,
        authorization: str | None,
        token: str | None,
        protocols: Sequence[str],
        peer: str,
        forwarded: Sequence[str],
    ) -> Principal:
        """The same principal for every caller."""
        return self.principal

    async def known(self, principal: Principal, key: str) -> bool:
        """Nothing is remembered."""
        return False

    async def replay(self, principal: Principal, key: str, fingerprint: str) -> Outcome:
        """Nothing is remembered."""
        return Running()

    def admit(self, principal: Principal, *, kind: Kind, request_id: str) -> AbstractAsyncContextManager[Admission]:
        """Let the request in."""
        return self._admitted(principal)

    @asynccontextmanager
    async def _admitted(self, principal: Principal) -> AsyncIterator[Admission]:
        yield OpenAdmission(principal.tier.max_bytes)
