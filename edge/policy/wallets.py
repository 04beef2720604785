"""Wallets: what an account may still use, counted in one unit, for good or for one day or month."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from edge.policy import Tier

MINUTE_MS = 60_000


class Unit(StrEnum):
    """What a wallet counts."""

    CREDITS = "credits"
    MILLISECONDS = "milliseconds"
    TRIES = "tries"
    SIGN_UPS = "sign-ups"


@dataclass(frozen=True, slots=True)
class Wallet:
    """One wallet of one account."""

    account: str
    unit: Unit
    period: str = ""
    """The UTC day or month it is for; empty for good."""
    grant: int = 0
    """What is in it when it is opened."""
    resets_at: int = 0
    """When the period ends, in milliseconds since 1970; 0 for good."""

    @property
    def id(self) -> str:
        """The name it is booked under."""
        return "/".join(part for part in (self.account, self.unit, self.period) if part)

    def cost(self, audio_ms: int) -> int:
        """Give what `audio_ms` of audio cost in this wallet; never nothing."""
        if self.unit is Unit.CREDITS:
            return max(1, -(-audio_ms // MINUTE_MS))
        if self.unit is Unit.MILLISECONDS:
            return max(1, audio_ms)
        return 1


def wallets_of(account: str, tier: Tier, now: int) -> tuple[Wallet, ...]:
    """Give the wallets that a request of `account` is counted in at the time `now` (milliseconds since 1970)."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    wallets = []
    if tier.transcriptions_day is not None:
        wallets.append(daily(account, Unit.TRIES, tier.transcriptions_day, now))
    if tier.minutes_month is not None:
        first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = (first + timedelta(days=32)).replace(day=1)
        grant = tier.minutes_month * MINUTE_MS
        wallets.append(Wallet(account, Unit.MILLISECONDS, f"{moment:%Y-%m}", grant, _ms(end)))
    if tier.credits:
        wallets.append(Wallet(account, Unit.CREDITS))
    return tuple(wallets)


def daily(account: str, unit: Unit, grant: int, now: int) -> Wallet:
    """Give the wallet of the UTC day at `now`."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    end = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return Wallet(account, unit, f"{moment:%Y-%m-%d}", grant, _ms(end))


def milliseconds(seconds: float) -> int:
    """Give whole milliseconds, as durations are answered with three decimals."""
    return round(seconds * 1000)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
