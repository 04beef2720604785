"""Everything that the API's description allows, and much that it does not, sent with a key: nothing ends in a 500."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok

from edge.routes.system import description
from tests.offices import Opener, caller, office_settings
from tests.scripted_edge import scripted_edge

EXAMPLES = 6
SCHEMA = schemathesis.openapi.from_dict(yaml.safe_load(description()))
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations() if isinstance(result, Ok)]


class Served:
    """An edge with accounts in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self.key = ""
        self._folder = folder
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._thread.start()
        self._ready.wait()
        assert self.url

    def stop(self) -> None:
        """Stop it."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._ready.set()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _serve(self) -> None:
        accounts = office_settings("", self._folder, database_upgrade=True, sign_ups_per_day=10_000)
        async with Opener.around(accounts) as opened:
            office = await opened()
            _, self.key = await caller(office, balance=1_000_000)
            async with scripted_edge(policy=office.policy) as edge:
                self.url = edge.url
                self._ready.set()
                await self._stop.wait()
            await office.policy.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One edge for all operations."""
    edge = Served(tmp_path_factory.mktemp("fuzz"))
    edge.start()
    yield edge
    edge.stop()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_is_our_fault(served: Served, operation: Any) -> None:
    @settings(
        derandomize=True,
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        with requests.Session() as session:
            response = case.call(
                base_url=served.url, session=session, headers={"Authorization": f"Bearer {served.key}"}, timeout=120
            )
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        if response.status_code >= 400:
            answer = response.json()
            assert answer["error"]
            assert answer["code"]
            assert answer["request_id"] == response.headers["x-request-id"][0]

    ask()
