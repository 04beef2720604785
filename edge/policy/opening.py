"""Opens the policy that the settings name, with its pulse going on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from edge.policy import Policy
from edge.policy.database import DatabaseGone
from edge.policy.local import local_key
from edge.policy.office import open_office
from edge.policy.settings import PolicySettings
from edge.policy.unlimited import Unlimited


@contextlib.asynccontextmanager
async def open_policy(settings: PolicySettings, *, open_bytes: int = 2 << 30) -> AsyncIterator[Policy]:
    """Give the policy that the settings name, with its pulse going on, for as long as the context is open.

    `open_bytes` is the largest upload where the policy is open.
    """
    if settings.policy == "open":
        yield Unlimited(max_bytes=open_bytes)
        return
    async with open_office(settings) as office:
        if settings.local_account:
            await local_key(office, settings)
        # The first beat is before the first request: what a process holds without a pulse would be swept.
        await office.presence.beat()
        keeping = asyncio.create_task(office.keeper.run())
        try:
            yield office.policy
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
            await office.policy.close()
            with contextlib.suppress(DatabaseGone):
                await office.presence.stop()
