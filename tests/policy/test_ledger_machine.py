"""Any order of holds, settlements, deaths and sweeps, by any of several edges, against a model of a few lines."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from edge.policy.ledger import HoldEnded, Insufficient
from edge.policy.office import Office
from edge.policy.reconcile import reconcile
from tests.offices import Opener, funded, office_settings
from tests.postgresql_server import Server

T = TypeVar("T")
BALANCE = 20
SLOTS = 3


class Books(RuleBasedStateMachine):
    """Two edges that live and die, one wallet and the slots of one account."""

    url: str
    template: Path

    requests = Bundle("requests")
    slots = Bundle("slots")

    @initialize()
    def open(self) -> None:
        """Open two edges on a wallet."""
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        url = self.url
        if not url:
            shutil.copy(self.template, folder / "edge.db")
            url = f"sqlite:///{folder / 'edge.db'}"
        self.opened = Opener(self.stack, office_settings(url, folder))
        self.edges = [self.wait(self.opened()), self.wait(self.opened())]
        self.wallet = self.wait(funded(self.edges[0], BALANCE))
        self.number = 0
        self.available = BALANCE
        self.held: dict[str, int] = {}
        self.edge_of: dict[str, Office] = {}
        self.settled: set[str] = set()
        self.ended: set[str] = set()
        self.slot_of: dict[str, Office] = {}

    def wait(self, work: "Coroutine[Any, Any, T]") -> T:
        """Do it."""
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        """Close everything."""
        if hasattr(self, "loop"):
            self.wait(self.stack.aclose())
            self.wait(self.loop.shutdown_default_executor())
            self.loop.close()

    def name(self) -> str:
        """Give a new name for a request, which no other run of the machine has."""
        self.number += 1
        return f"{self.wallet.account} {self.number}"

    @rule(target=requests, edge=st.integers(0, 1), amount=st.integers(1, 8))
    def hold(self, edge: int, amount: int) -> str:
        """Hold, if there is as much."""
        request = self.name()
        try:
            remaining = self.wait(self.edges[edge].desk.ledger.hold(request, self.wallet, amount))
        except Insufficient as error:
            assert error.remaining == self.available < amount
        else:
            self.available -= amount
            self.held[request] = amount
            self.edge_of[request] = self.edges[edge]
            assert remaining == self.available
        return request

    @rule(request=requests, edge=st.integers(0, 1), amount=st.integers(1, 12))
    def raise_to(self, request: str, edge: int, amount: int) -> None:
        """Hold more, if the request holds and there is as much."""
        held = self.held.get(request, 0)
        try:
            self.wait(self.edges[edge].desk.ledger.raise_to(request, self.wallet, amount))
        except HoldEnded:
            assert held == 0
        except Insufficient:
            assert held > 0
            assert amount - held > self.available
        else:
            assert held > 0
            if amount > held:
                self.available -= amount - held
                self.held[request] = amount

    @rule(request=requests, edge=st.integers(0, 1), amount=st.integers(1, 12))
    def settle(self, request: str, edge: int, amount: int) -> None:
        """Settle, for the first or another time, in time or late."""
        taken = self.wait(self.edges[edge].desk.ledger.settle(request, self.wallet, amount, audio_ms=0))
        if request in self.held:
            held = self.held.pop(request)
            assert taken == min(amount, held)
            self.available += held - taken
            self.settled.add(request)
        elif request in self.ended and request not in self.settled:
            assert taken == min(amount, self.available)
            self.available -= taken
            self.settled.add(request)
        else:
            assert taken is None

    @rule(request=requests, edge=st.integers(0, 1))
    def release(self, request: str, edge: int) -> None:
        """Release, for the first or another time."""
        assert self.wait(self.edges[edge].desk.ledger.release(request, self.wallet)) == (request in self.held)
        if request in self.held:
            self.available += self.held.pop(request)
            self.ended.add(request)

    @rule(target=slots, edge=st.integers(0, 1))
    def take(self, edge: int) -> str:
        """Take a slot, if one is free."""
        request = self.name()
        taken = self.wait(self.edges[edge].desk.leases.take(self.wallet.account, request, limit=SLOTS))
        assert taken == (len(self.slot_of) < SLOTS)
        if taken:
            self.slot_of[request] = self.edges[edge]
        return request

    @rule(request=consumes(slots), edge=st.integers(0, 1))
    def free(self, request: str, edge: int) -> None:
        """Free a slot."""
        self.wait(self.edges[edge].desk.leases.release(request))
        self.slot_of.pop(request, None)

    @rule(edge=st.integers(0, 1))
    def die(self, edge: int) -> None:
        """Kill an edge: its slots are free at once; a new one comes in its place."""
        dead = self.edges[edge]
        self.wait(dead.presence.stop())
        self.slot_of = {request: office for request, office in self.slot_of.items() if office is not dead}
        self.edges[edge] = self.wait(self.opened(alive=False))
        self.wait(self.edges[edge].presence.beat())

    @rule(edge=st.integers(0, 1))
    def sweep(self, edge: int) -> None:
        """End what dead edges hold."""
        self.wait(self.edges[edge].desk.books.sweep(grace_seconds=0))
        for request in [request for request in self.held if self.edge_of[request] not in self.edges]:
            self.available += self.held.pop(request)
            self.ended.add(request)

    @invariant()
    def adds_up(self) -> None:
        """The books say what the model says."""
        if hasattr(self, "wallet"):
            assert self.wait(self.edges[0].desk.ledger.available(self.wallet)) == self.available >= 0
            assert self.wait(reconcile(self.edges[0].database)).unexplained == 0


@pytest.fixture(params=["sqlite", "postgresql"])
def machine(request: pytest.FixtureRequest) -> Iterator[type[Books]]:
    """The machine on one of the databases."""
    if request.param == "sqlite":
        fields = {"url": "", "template": request.getfixturevalue("finished_sqlite")}
    else:
        server: Server = request.getfixturevalue("postgresql")
        fields = {"url": server.url("finished"), "template": Path()}
    yield type("Books", (Books,), fields)


def test_the_books_add_up_whatever_happens(machine: type[Books]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            derandomize=True,
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
