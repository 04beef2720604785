"""The `RateLimit-*` headers: what is left of the count, the minutes or the credits that come to an end first."""

from collections.abc import Sequence

from edge.policy.outcomes import Limit

MINUTE_MS = 60_000


def rate_limit_headers(limits: Sequence[Limit]) -> dict[str, str]:
    """Headers for an answer; audio is told in whole minutes, as the tiers are. Credits have no limit and no reset."""
    if not limits:
        return {}
    limit = limits[0]
    unit = MINUTE_MS if limit.unit == "milliseconds" else 1
    headers = {"RateLimit-Remaining": str(limit.remaining // unit)}
    if limit.limit:
        headers |= {"RateLimit-Limit": str(limit.limit // unit), "RateLimit-Reset": str(limit.reset)}
    return headers
