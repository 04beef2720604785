"""Refusals of the policy, each with the HTTP status and the slug it is answered with.

PolicyError
  Unauthorized        401  unauthorized
  PaymentRequired     402  no_credits
  SignUpClosed        403  sign_up_closed
  TooManyRequests     429  rate_limited, too_many_concurrent, daily_limit
  PolicyUnavailable   503  policy_unavailable
"""

from typing import ClassVar

from edge.policy.outcomes import Limit


class PolicyError(Exception):
    """A request that may not go on; `message` is for the caller to read."""

    status: ClassVar[int]
    code: str

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        """Whole seconds after which a new try may pass."""
        self.limits: tuple[Limit, ...] = ()
        """What is used up, for the headers of the answer."""


class Unauthorized(PolicyError):
    """A key is missing where one is needed, or is bad."""

    status = 401
    code = "unauthorized"


class PaymentRequired(PolicyError):
    """The month's minutes or the credits are used up."""

    status = 402
    code = "no_credits"


class SignUpClosed(PolicyError):
    """Only operators make accounts here."""

    status = 403
    code = "sign_up_closed"


class TooManyRequests(PolicyError):
    """A count is used up, or too much is in flight."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int, code: str = "rate_limited") -> None:
        super().__init__(message, retry_after=retry_after)
        self.code = code


class PolicyUnavailable(PolicyError):
    """The books cannot be read, so nothing that costs can be let in."""

    status = 503
    code = "policy_unavailable"
