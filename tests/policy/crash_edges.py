"""Kills whole edges under requests and counts what is lost: `python -m tests.policy.crash_edges --runs 1000`.

Some edges, `python -m edge` each, share one database and stand before a scripted Transcription. Each run has new
accounts, whose requests over HTTP and WebSockets are in flight when their edge is killed with SIGKILL, at a moment
drawn by the seed: after they were sent, after the service began or ended its work, after the first answer. The edge is
started again (and sometimes killed while it starts), who has an idempotency key asks until there is an answer, and once
the time of all holds is over, everything must be told and paid exactly once.
"""

import asyncio
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from edge.policy.migrations import upgrade
from edge.policy.office import Office
from tests.metered_edges import client, metered_edge
from tests.offices import Opener, office_settings
from tests.policy.autopsy import faults, leftovers, stages, standing
from tests.policy.crashing import Ground, Outcome, crash_on_each, say
from tests.policy.customers import Customer, customers
from tests.policy.lanes import Lane, Overheard
from tests.scripted_edge import serving
from tests.scripted_speech import TRANSCRIPTION

LEASE, BEAT, GRACE = 3.0, 0.5, 1.0
"""Seconds: short, so that the time of a hold is over soon."""
PATIENCE = 90.0
"""Seconds that a hold may be there after its time: only ever reached when something is wrong."""
ANSWERED = 600.0
"""Seconds in which everybody is answered, however slow the machine that starts all these edges."""
EDGES = 4


class Crash:
    """All runs on one database."""

    def __init__(self, office: Office, http: aiohttp.ClientSession, lanes: list[Lane], *, seed: int) -> None:
        self.runs = 0
        """Kills that cut off a request at least."""
        self.missed = 0
        """Kills that came when all was over."""
        self.starting = 0
        """Kills of edges that were starting."""
        self.moments: Counter[str] = Counter()
        self.stages: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.wrong: dict[int, list[str]] = {}
        self.latest = 0.0
        """Most seconds that a hold or a slot outlived its edge."""
        self._office = office
        self._http = http
        self._lanes = lanes
        self._seed = seed

    async def all(self, runs: int) -> None:
        """Do so many runs that cut off a request, each by the lane that is free first."""
        numbers = itertools.count()

        async def work(lane: Lane) -> None:
            await self._measure(lane)
            while self.runs < runs:
                await self._run(lane, next(numbers), group)

        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(work(lane))
        deadline = time.monotonic() + PATIENCE
        while (wrong := await leftovers(self._office)) and time.monotonic() < deadline:
            await asyncio.sleep(BEAT)
        if wrong:
            self.wrong[-1] = wrong

    async def _measure(self, lane: Lane) -> None:
        """Learn how long a run takes here and now."""
        for number in (-1, -2):
            chance = random.Random(f"{self._seed} {number}")
            found = await customers(self._office, chance.randrange(2**20, 2**24), chance)
            began = time.monotonic()
            await asyncio.gather(*(customer.ask(self._http, self._url(lane)) for customer in found))
            lane.length = time.monotonic() - began

    async def _run(self, lane: Lane, number: int, group: asyncio.TaskGroup) -> None:
        """Kill one edge under its requests, start the next, and wait until who may ask again was answered."""
        chance = random.Random(f"{self._seed} {number}")
        found = await customers(self._office, number, chance)
        lane.begin(found)
        url = self._url(lane)

        async def ask(customer: Customer) -> None:
            await customer.ask(self._http, url)
            lane.told.set()

        asking = asyncio.gather(*(ask(customer) for customer in found))
        asking.add_done_callback(lambda _: lane.over.set())
        moment = await lane.killed(chance)
        died = time.monotonic()
        cut_off = await stages(self._office, {customer.account for customer in found})
        outlived = group.create_task(self._outlived(number, cut_off, died))
        self.runs += bool(cut_off)
        self.missed += not cut_off
        self.moments[moment] += bool(cut_off)
        self.stages.update(cut_off.values())
        if chance.random() < 0.1:
            lane.edge.start()
            await asyncio.sleep(chance.uniform(0, 2.0))
            await lane.kill()
            self.starting += 1
        await lane.start()
        try:
            async with asyncio.timeout(ANSWERED):
                await asking
        except TimeoutError:
            self.wrong.setdefault(number, []).append(f"somebody was not answered within {ANSWERED:g} s")
        group.create_task(self._examine(number, found, outlived))

    async def _outlived(self, number: int, requests: Collection[str], died: float) -> None:
        """See that nothing is held any more when its time is over."""
        while left := await standing(self._office, requests):
            if time.monotonic() > died + LEASE + GRACE + PATIENCE:
                self.wrong.setdefault(number, []).append(f"{left} holds and slots are left after their time")
                return
            await asyncio.sleep(0.1)
            self.latest = max(self.latest, time.monotonic() - died)

    async def _examine(self, number: int, found: list[Customer], outlived: asyncio.Task[None]) -> None:
        """See that everything was told and paid once."""
        await outlived
        accounts = {customer.account for customer in found}
        deadline = time.monotonic() + LEASE + GRACE + PATIENCE
        # Who was answered in the end may have asked another edge before, that was killed too.
        while (left := await stages(self._office, accounts)) and time.monotonic() < deadline:
            await asyncio.sleep(BEAT)
        self.told.update(f"{customer.kind} {'answered' if customer.told else 'cut off'}" for customer in found)
        wrong = [*(f"not over: {stage}" for stage in left.values()), *await faults(self._office, found)]
        again = [customer for customer in found if customer.keyed and customer.told]
        await asyncio.gather(*(customer.ask_again(self._http, self._url()) for customer in again))
        wrong += [each for each in await faults(self._office, found) if each not in wrong]
        if wrong:
            self.wrong.setdefault(number, []).extend(wrong)

    def _url(self, first: Lane | None = None) -> Callable[[], str]:
        """Give the lane's own edge first, and then one after the other, as a load balancer does."""
        order = itertools.chain([first] if first else [], itertools.cycle(random.sample(self._lanes, len(self._lanes))))
        return lambda: f"http://127.0.0.1:{next(order).edge.port}"


async def crash(url: str, folder: Path, *, runs: int, seed: int) -> Crash:
    """Do all runs on one database."""
    await upgrade(url)
    settings = {
        "EDGE_DATABASE_UPGRADE": "false",
        "EDGE_LEASE_SECONDS": str(LEASE),
        "EDGE_BEAT_SECONDS": str(BEAT),
        "EDGE_HOLD_GRACE_SECONDS": str(GRACE),
        # A machine full of edges that start is slow, not gone.
        "EDGE_DATABASE_PATIENCE_SECONDS": "30",
    }
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(Opener.around(office_settings(url, folder / "office")))
        lanes = []
        for number in range(min(EDGES, runs)):
            service = Overheard()
            address = await stack.enter_async_context(serving(service, TRANSCRIPTION))
            edge = metered_edge(url, folder / str(number), transcription=address, settings=settings)
            stack.callback(edge.log.close)
            stack.callback(edge.stop)
            lanes.append(Lane(edge, service, url=url))
        await asyncio.gather(*(lane.start() for lane in lanes))
        http = await stack.enter_async_context(client())
        crashed = Crash(await opened(alive=False), http, lanes, seed=seed)
        await crashed.all(runs)
        if crashed.wrong:
            for lane in lanes:
                say(lane.edge.logged())
        return crashed


def outcome(ground: Ground) -> Outcome:
    """Do all runs on one database, and put into words what came of it."""
    crashed = asyncio.run(crash(ground.url, ground.folder, runs=ground.runs, seed=ground.seed))
    due = LEASE + GRACE + BEAT
    details = (
        f"killed after: {told(crashed.moments)}; besides {crashed.starting} that were starting",
        f"and {crashed.missed} that had nothing to do any more, which count as no run",
        f"requests that were cut off after: {told(crashed.stages)}",
        f"customers: {told(crashed.told)}",
        f"holds and slots outlived their edge by {crashed.latest:.1f} s at most; they are due after {due:g} s",
    )
    return Outcome(crashed.runs, crashed.runs + crashed.missed + crashed.starting, crashed.wrong, details)


def told(counted: Counter[str]) -> str:
    """Put counts into words."""
    return ", ".join(f"{name} {count}" for name, count in counted.most_common() if count)


if __name__ == "__main__":
    sys.exit(crash_on_each(sys.argv[1:], outcome, prog="tests.policy.crash_edges", about=__doc__))
