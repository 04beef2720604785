"""The command line of operators: `python -m edge account|key|database|ledger ...`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, NoReturn, TypeVar

import typer

from edge.policy.accounts import UnknownAccount
from edge.policy.database import DatabaseGone, Row
from edge.policy.local import local_key
from edge.policy.migrations import upgrade
from edge.policy.office import Office, open_office
from edge.policy.reconcile import reconcile
from edge.policy.secret import WrongSecret
from edge.policy.settings import PolicySettings

T = TypeVar("T")

app = typer.Typer(help="Accounts, keys and the ledger.", no_args_is_help=True, pretty_exceptions_enable=False)
account = typer.Typer(help="Accounts: who may do what.", no_args_is_help=True)
key = typer.Typer(help="API keys of accounts.", no_args_is_help=True)
database = typer.Typer(help="The database of accounts.", no_args_is_help=True)
ledger = typer.Typer(help="The ledger.", no_args_is_help=True)
app.add_typer(account, name="account")
app.add_typer(key, name="key")
app.add_typer(database, name="database")
app.add_typer(ledger, name="ledger")

AccountId = Annotated[str, typer.Argument(help="Id of the account, as `account list` shows it.")]
TierName = Annotated[str, typer.Option(help="Name of a tier: free, paid, or one of your own.")]


@account.command("create")
def create_account(
    name: Annotated[str, typer.Argument(help="For people to read.")] = "",
    tier: TierName = "free",
    credits: Annotated[int, typer.Option(min=0, help="Credits to begin with.")] = 0,  # noqa: A002 - the option's name
) -> None:
    """Make an account with one key; the key is shown this once."""

    async def work(office: Office) -> tuple[str, str]:
        made = await office.accounts.create(name, tier)
        if credits:
            await office.accounts.add_credits(made, credits)
        return made, (await office.desk.keys.create(made, "first key")).key

    made, secret = _run(work)
    typer.echo(f"account {made}\nkey {secret}")


@account.command("list")
def list_accounts() -> None:
    """List all accounts: id, tier, credits, when made, name."""
    for row in _run(lambda office: office.accounts.list()):
        have = "-" if row["credits"] is None else row["credits"]
        typer.echo(f"{row['id']}  {row['tier']:10}  {have:>9}  {_time(row['created_at'])}  {row['name']}")


@account.command("set-tier")
def set_tier(account_id: AccountId, tier: Annotated[str, typer.Argument(help="Name of the tier.")]) -> None:
    """Move an account to another tier."""
    _run(lambda office: office.accounts.set_tier(account_id, tier))


@account.command("add-credits")
def add_credits(
    account_id: AccountId,
    amount: Annotated[int, typer.Argument(help="How many; a negative number takes away.")],
    reference: Annotated[str, typer.Option(help="Number of the payment; the same one counts once.")] = "",
) -> None:
    """Add credits and show the balance."""
    balance = _run(lambda office: office.accounts.add_credits(account_id, amount, reference=reference))
    typer.echo(f"{balance} credits")


@account.command("local")
def local_account() -> None:
    """Show the key of this machine's own account; it is made if there is none."""
    settings = PolicySettings()
    typer.echo(_run(lambda office: local_key(office, settings)))


@key.command("create")
def create_key(
    account_id: AccountId,
    name: Annotated[str, typer.Option(help="For people to read.")] = "",
    days: Annotated[int | None, typer.Option(min=1, help="How long it is good; for ever if left out.")] = None,
) -> None:
    """Make another key; it is shown this once."""

    async def work(office: Office) -> str:
        await office.accounts.get(account_id)
        lifetime = None if days is None else days * 86_400
        new = await office.desk.keys.create(account_id, name, lifetime_seconds=lifetime)
        return f"id {new.id}\nkey {new.key}"

    typer.echo(_run(work))


@key.command("list")
def list_keys(account_id: AccountId) -> None:
    """List the keys of an account: id, state, last use, name."""
    for row in _run(lambda office: office.desk.keys.list(account_id)):
        typer.echo(f"{row['id']}  {_state(row)}  used {_time(row['used_at'])}  {row['name']}")


@key.command("revoke")
def revoke_key(account_id: AccountId, key_id: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """End a key at once."""
    if not _run(lambda office: office.desk.keys.revoke(account_id, key_id)):
        _fail("the account has no such key that is good")


@database.command("upgrade")
def upgrade_database() -> None:
    """Make the tables, or bring them up to date."""
    settings = PolicySettings()
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        asyncio.run(upgrade(settings.database_url))
    except DatabaseGone:
        _fail("the database does not answer")


@ledger.command("check")
def check_ledger() -> None:
    """Compare every balance with its entries and holds; fails if they differ."""
    report = _run(lambda office: reconcile(office.database))
    typer.echo(f"unexplained {report.unexplained} (balances {report.difference}, unpaid answers {report.unpaid})")
    if report.unexplained:
        raise typer.Exit(1)


def _run(work: Callable[[Office], Awaitable[T]]) -> T:
    async def opened() -> T:
        async with open_office(PolicySettings()) as office:
            return await work(office)

    try:
        return asyncio.run(opened())
    except (UnknownAccount, WrongSecret) as error:
        _fail(str(error))
    except DatabaseGone:
        _fail("the database does not answer")


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def _state(row: Row) -> str:
    if row["revoked_at"] is not None:
        return f"revoked {_time(row['revoked_at'])}"
    return "good" if row["expires_at"] is None else f"good until {_time(row['expires_at'])}"


def _time(at: int | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
