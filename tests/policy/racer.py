"""An edge process that races others for what is scarce: `python -m tests.policy.racer JOB`, JOB in JSON.

It says `ready`, waits for a line, tries everything at once, and says how often it won.
"""

import asyncio
import json
import secrets
import sys
from pathlib import Path
from typing import Any

from edge.policy.idempotency import Claimed
from edge.policy.ledger import Insufficient
from edge.policy.office import Office, open_office
from edge.policy.wallets import Unit, Wallet
from tests.offices import office_settings


async def hold(office: Office, job: dict[str, Any]) -> bool:
    """Try for an amount out of one wallet."""
    wallet = Wallet(job["account"], Unit(job["unit"]), job["period"], job["grant"])
    try:
        await office.desk.ledger.hold(secrets.token_hex(8), wallet, job["amount"])
    except Insufficient:
        return False
    return True


async def slot(office: Office, job: dict[str, Any]) -> bool:
    """Try for one of the slots of an account."""
    return await office.desk.leases.take(job["account"], secrets.token_hex(8), limit=job["limit"])


async def claim(office: Office, job: dict[str, Any]) -> bool:
    """Try for one idempotency key."""
    request = secrets.token_hex(8)
    return isinstance(
        await office.desk.idempotency.claim(job["account"], "the key", "the body", request=request), Claimed
    )


TRIES = {"hold": hold, "slot": slot, "claim": claim}


def say(line: str) -> None:
    """Tell whoever started the race."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(job: dict[str, Any]) -> None:
    """Race."""
    async with open_office(office_settings(job["url"], Path(job["folder"]))) as office:
        await office.keeper.beat()
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        attempt = TRIES[job["what"]]
        won = await asyncio.gather(*(attempt(office, job) for _ in range(job["tries"])))
        say(str(sum(won)))
        # The pulse goes on until everybody is done: a slot of a process that is gone would be free again.
        await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
