"""What operators do on the command line, and the account of this machine."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it comes without
import pytest
import structlog
from typer.testing import CliRunner, Result

from edge.policy.command import app


class Operator:
    """Somebody at a terminal."""

    def __call__(self, *words: str) -> str:
        """Run a command that works, and give what it prints."""
        result = self.try_to(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def try_to(self, *words: str) -> Result:
        """Run a command."""
        return CliRunner().invoke(app, words)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> Iterator[Operator]:
    """Somebody at the terminal of a machine with one of the databases, whose log goes elsewhere."""
    monkeypatch.setenv("EDGE_DATABASE", url)
    monkeypatch.setenv("EDGE_DATA_FOLDER", str(tmp_path / "data"))
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield Operator()
    structlog.reset_defaults()


def test_an_account_and_its_keys(operator: Operator) -> None:
    made = operator("account", "create", "Ada", "--tier", "paid", "--credits", "5")
    shown = re.fullmatch(r"account (\w{32})\nkey (vb_\S{43})\n", made)
    assert shown is not None
    account, key = shown.groups()
    assert operator("account", "add-credits", account, "3", "--reference", "a") == "8 credits\n"
    assert operator("account", "add-credits", account, "3", "--reference", "a") == "8 credits\n"
    assert operator("account", "add-credits", account, "--", "-2") == "6 credits\n"
    operator("account", "set-tier", account, "free")
    listed = operator("account", "list")
    assert re.search(rf"^{account}  free +6  20\S+Z  Ada$", listed, re.M)
    assert key not in listed
    second = re.search(r"id (\w+)\nkey (vb_\S+)", operator("key", "create", account, "--name", "x", "--days", "2"))
    assert second is not None
    operator("key", "revoke", account, second[1])
    keys = operator("key", "list", account).splitlines()
    assert re.search(r"good  used never  first key$", keys[0])
    assert re.search(rf"^{second[1]}  revoked \S+  used never  x$", keys[1])
    assert operator("ledger", "check").startswith("unexplained 0 ")


@pytest.mark.parametrize(
    "words",
    [
        ["account", "create", "--tier", "golden"],
        ["account", "set-tier", "nobody", "paid"],
        ["account", "add-credits", "nobody", "5"],
        ["key", "create", "nobody"],
        ["key", "revoke", "nobody", "nothing"],
        ["account", "create", "--credits", "-1"],
        ["nothing"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_said(operator: Operator, words: list[str]) -> None:
    result = operator.try_to(*words)
    assert result.exit_code != 0
    assert "Traceback" not in result.output


def test_a_database_that_is_away_is_said(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_DATABASE", "postgresql://nobody@127.0.0.1:1/nothing")
    for upgrading in ("true", "false"):
        monkeypatch.setenv("EDGE_DATABASE_UPGRADE", upgrading)
        result = operator.try_to("ledger", "check")
        assert (result.exit_code, result.stderr) == (1, "the database does not answer\n")


def test_the_local_account_keeps_its_key(operator: Operator, tmp_path: Path) -> None:
    first = operator("account", "local")
    assert operator("account", "local") == first
    path = tmp_path / "data" / "local-key"
    assert path.read_text() == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.search(r"paid +1000000 .* local$", operator("account", "list"), re.M)
    path.write_text("vb_of_another_database")
    second = operator("account", "local")
    assert second != first
    assert operator("account", "local") == second


def test_the_ledger_says_what_does_not_add_up(operator: Operator, url: str) -> None:
    operator("account", "create", "--tier", "paid", "--credits", "5")
    spoil(url, "UPDATE wallets SET available = available + 3")
    result = operator.try_to("ledger", "check")
    assert result.exit_code == 1
    assert result.stdout.startswith("unexplained 3 (balances 3,")


def spoil(url: str, statement: str) -> None:
    """Write past the ledger."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute(statement)
        connection.commit()
        connection.close()
    else:
        asyncio.run(run())
