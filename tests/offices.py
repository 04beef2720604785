"""Edges without HTTP, for tests of the policy: the real thing on a real database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from edge.policy import Principal
from edge.policy.office import Office, open_office
from edge.policy.reconcile import reconcile
from edge.policy.settings import PolicySettings
from edge.policy.wallets import Unit, Wallet

SECRET = "the secret of the tests, the same for each edge"


def office_settings(url: str, folder: Path, **changes: Any) -> PolicySettings:
    """Give the settings of an edge; `changes` are fields by name."""
    defaults: dict[str, Any] = {
        "database": url,
        "data_folder": folder,
        "database_upgrade": False,
        # Long enough for the slowest machine: who dies in a test, dies because the test says so.
        "database_patience_seconds": 120.0,
        "database_lock_seconds": 120.0,
        "lease_seconds": 3600.0,
        "key_secret": SecretStr(SECRET),
    }
    return PolicySettings(**{**defaults, **changes})


@dataclass(frozen=True)
class Opener:
    """Opens edges on one database."""

    stack: AsyncExitStack
    settings: PolicySettings

    @classmethod
    @asynccontextmanager
    async def around(cls, settings: PolicySettings) -> "AsyncIterator[Opener]":
        """Open edges with these settings, and close them after the context."""
        async with AsyncExitStack() as stack:
            yield cls(stack, settings)

    async def __call__(self, *, alive: bool = True, **changes: Any) -> Office:
        """Open one, with a pulse unless it is not to be `alive`."""
        office = await self.stack.enter_async_context(open_office(self.settings.model_copy(update=changes)))
        if alive:
            await office.keeper.beat()
        return office


async def funded(office: Office, amount: int, *, name: str = "test") -> Wallet:
    """Make a paid account with so many credits, and give its wallet."""
    account = await office.accounts.create(name, "paid")
    await office.accounts.add_credits(account, amount)
    return Wallet(account, Unit.CREDITS)


async def caller(office: Office, tier: str = "paid", *, balance: int = 0) -> tuple[Principal, str]:
    """Make an account with one key; give who calls with it, and the key."""
    account = await office.accounts.create("test", tier)
    if balance:
        await office.accounts.add_credits(account, balance)
    key = (await office.desk.keys.create(account, "test")).key
    return await identified(office, authorization=f"Bearer {key}"), key


async def identified(office: Office, *, peer: str = "203.0.113.7", **sent: Any) -> Principal:
    """Ask who calls; what is not named was not sent."""
    defaults: dict[str, Any] = {"authorization": None, "token": None, "protocols": (), "forwarded": ()}
    return await office.policy.identify(peer=peer, **{**defaults, **sent})


async def explained(office: Office) -> None:
    """Check that entries, balances, holds and answers tell the same story."""
    report = await reconcile(office.database)
    assert report.unexplained == 0, report
