"""Keys: who has one, who has none any more, and that a dump of the database has none."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.sql import ClauseElement

from edge.policy.database import Database, Row
from edge.policy.errors import TooManyRequests, Unauthorized
from edge.policy.keys import FIND
from edge.policy.office import furnish, open_office
from edge.policy.secret import WrongSecret
from edge.policy.tables import KEYS
from tests.offices import SECRET, Opener, caller, identified, office_settings

_KEYS = select(KEYS)


@pytest.mark.parametrize(
    "how",
    [
        lambda key: {"authorization": f"Bearer {key}"},
        lambda key: {"authorization": f"bearer  {key} "},
        lambda key: {"token": key},
        lambda key: {"protocols": ["bearer", key]},
        lambda key: {"protocols": [f"bearer, {key}"]},
    ],
    ids=["header", "any case", "query", "protocols", "protocols in one"],
)
async def test_a_key_is_found_however_it_is_sent(opened: Opener, how: "object") -> None:
    office = await opened()
    principal, key = await caller(office)
    assert callable(how)
    assert await identified(office, **how(key)) == principal
    assert (principal.anonymous, principal.tier.name) == (False, "paid")


@pytest.mark.parametrize(
    "sent",
    [
        {"authorization": "Bearer nonsense"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": ""},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"token": "nonsense"},
        {"token": ""},
        {"protocols": ["bearer"]},
        {"protocols": ["bearer", "nonsense"]},
    ],
    ids=str,
)
async def test_a_bad_key_is_refused_and_never_made_anonymous(opened: Opener, sent: dict[str, Any]) -> None:
    office = await opened()
    with pytest.raises(Unauthorized):
        await identified(office, **sent)


async def test_without_a_key_the_address_counts_and_is_not_said(opened: Opener) -> None:
    office = await opened()
    one = await identified(office, peer="203.0.113.7")
    assert one.anonymous
    assert one.tier.transcriptions_day == 3
    assert "203.0.113.7" not in one.account
    assert one == await identified(office, peer="203.0.113.7", forwarded=["198.51.100.1"])
    assert one != await identified(office, peer="203.0.113.8")
    assert await identified(office, peer="2001:db8::1") == await identified(office, peer="2001:db8::ffff:1")
    assert one == await identified(office, protocols=["other"])


async def test_a_key_ends_when_it_is_revoked_or_expires(opened: Opener) -> None:
    office = await opened()
    principal, first = await caller(office)
    keys = office.desk.keys
    second = await keys.create(principal.account, "second")
    brief = await keys.create(principal.account, "brief", lifetime_seconds=0)
    with pytest.raises(Unauthorized):
        await identified(office, token=brief.key)
    assert await keys.revoke(principal.account, principal.key)
    assert not await keys.revoke(principal.account, principal.key)
    assert not await keys.revoke("somebody else", second.id)
    with pytest.raises(Unauthorized):
        await identified(office, token=first)
    assert (await identified(office, token=second.key)).account == principal.account
    listed = {row["id"]: row for row in await keys.list(principal.account)}
    assert listed[principal.key]["revoked_at"] is not None
    assert listed[second.id]["revoked_at"] is None
    assert listed[second.id]["used_at"] is not None


async def test_no_key_is_in_the_database(opened: Opener) -> None:
    office = await opened()
    _, key = await caller(office)
    [row] = await office.database.run(_KEYS)
    stored = " ".join(str(row[column.name]) for column in KEYS.c)
    assert key not in stored
    assert hashlib.sha256(key.encode()).hexdigest() not in stored


async def test_another_secret_is_noticed_at_the_start(opened: Opener, tmp_path: Path) -> None:
    office = await opened()
    del office
    other = opened.settings.model_copy(update={"key_secret": None})
    with pytest.raises(WrongSecret):
        await opened.stack.enter_async_context(open_office(other))


async def test_sign_up_makes_a_free_account_and_is_throttled_by_address(opened: Opener) -> None:
    office = await opened(sign_ups_per_day=2)
    for _ in range(2):
        _, key = await office.policy.sign_up("somebody", peer="203.0.113.7", forwarded=())
        assert (await identified(office, authorization=f"Bearer {key.key}")).tier.name == "free"
        assert key.key not in repr(key)
    with pytest.raises(TooManyRequests) as refused:
        await office.policy.sign_up("somebody", peer="203.0.113.7", forwarded=())
    assert refused.value.code == "rate_limited"
    await office.policy.sign_up("somebody", peer="203.0.113.8", forwarded=())


async def test_the_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    settings = office_settings("", tmp_path / "data", key_secret=None, database_upgrade=True)
    async with open_office(settings) as one, open_office(settings) as other:
        _, key = await caller(one)
        await identified(other, token=key)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "data").iterdir()}
    assert modes["secret"] == "0o600"
    assert modes["journal.db"] == "0o600"
    assert modes["edge.db"] == "0o600"


class Watched(Database):
    """A real database that remembers what it was asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked: list[ClauseElement] = []

    async def run(self, statement: ClauseElement, **values: Any) -> Sequence[Row]:
        """Run the statement and remember it."""
        self.asked.append(statement)
        return await self._database.run(statement, **values)

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()


async def test_keys_that_are_no_good_are_all_the_same_work(opened: Opener) -> None:
    office = await opened()
    principal, revoked = await caller(office)
    assert await office.desk.keys.revoke(principal.account, principal.key)
    _, good = await caller(office)
    watched = Watched(office.database)
    keys = furnish(opened.settings, watched, secret=SECRET.encode()).desk.keys
    for key in (revoked, good[:-1], good.upper(), "vb_", "", "x" * 10_000, "\0é"):
        watched.asked.clear()
        with pytest.raises(Unauthorized):
            await keys.find(key)
        assert watched.asked == [FIND], key
