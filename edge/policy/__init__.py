"""Who may do what, and what it costs: identities, limits and credits behind one protocol."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from edge.policy.outcomes import Answer, Limit, Outcome

Kind = Literal["transcription", "stream", "summary"]
"""What a request does. Transcriptions and streams count, as concurrent and by the tier; summaries do not."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A row of the table of limits."""

    name: str
    max_bytes: int
    """Largest upload in bytes."""
    concurrent: int
    """Requests and streams that may be in flight at once, per account."""
    minutes_month: int | None = None
    """Minutes of audio in a UTC month; None: not counted."""
    transcriptions_day: int | None = None
    """Transcriptions and streams in a UTC day; None: not counted."""
    credits: bool = False
    """Whether audio is paid for with credits."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls."""

    account: str
    """Opaque id; `ip:<hmac>` for a caller without a key."""
    tier: Tier
    anonymous: bool
    key: str = ""
    """The id of the key, which is no secret; empty without one."""


class Admission(Protocol):
    """A request that was let in. Leaving it without `settle` uses up nothing."""

    max_bytes: int

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What is left, for the headers of the answer."""

    async def begin(self, key: str, fingerprint: str) -> Outcome:
        """Claim an `Idempotency-Key` for this request; `fingerprint` is a hash of everything that was sent.

        Work only if it is `Fresh`. Leaving without `finish` gives the key back.
        """

    async def finish(self, answer: Answer, *, seconds: float) -> None:
        """Keep the answer for the key that was claimed, if one was, and charge for `seconds` of audio, once.

        Raises `PolicyUnavailable` if another try took the key over meanwhile.
        """

    async def hold(self, seconds: float) -> None:
        """Set aside what `seconds` of audio cost in all; may be called again with more.

        Raises `PaymentRequired` if the balance does not cover it.
        """

    async def settle(self, seconds: float) -> None:
        """Charge for `seconds` of audio, once."""


class Policy(Protocol):
    """What the routes ask before they work."""

    async def identify(
        self,
        *,
        authorization: str | None,
        token: str | None,
        protocols: Sequence[str],
        peer: str,
        forwarded: Sequence[str],
    ) -> Principal:
        """Tell who calls, by the key in the header, the query or the WebSocket's protocols, or else by address.

        `peer` is the address of the connection, `forwarded` the values of `X-Forwarded-For` as they came.
        Raises `Unauthorized` for a key that is no good.
        """

    async def known(self, principal: Principal, key: str) -> bool:
        """Tell, before the body is read, whether this `Idempotency-Key` has an answer or is being worked on.

        Then no limit applies: the request is no new one, and `replay` says what becomes of it.
        """

    async def replay(self, principal: Principal, key: str, fingerprint: str) -> Outcome:
        """Tell what a `known` key means: `Replay`, `Mismatch`, or `Running`, also if it was given back since."""

    def admit(self, principal: Principal, *, kind: Kind, request_id: str) -> AbstractAsyncContextManager[Admission]:
        """Let one request in for as long as the context is open.

        Entering raises `TooManyRequests` or `PaymentRequired`.
        """
