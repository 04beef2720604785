"""The account of the people of this machine: paid, made on the first start, its key kept in the data folder."""

from edge.policy.errors import Unauthorized
from edge.policy.office import Office
from edge.policy.secret import private_file
from edge.policy.settings import PolicySettings
from edge.policy.wallets import Unit, Wallet

LOCAL_CREDITS = 1_000_000
"""Credits that the account has after a start, at least: nearly two years of audio."""

KEY_FILE = "local-key"


async def local_key(office: Office, settings: PolicySettings) -> str:
    """Give the key of the local account; made if there is none, or if the one in the file is no good any more."""
    path = settings.folder / KEY_FILE
    if path.exists():
        key = path.read_text().strip()
        try:
            holder = await office.desk.keys.find(key)
        except Unauthorized:
            # The database or the secret was replaced: the file is of no use to anybody.
            path.unlink()
        else:
            await _fill(office, holder.account)
            return key
    account = await office.accounts.create("local", "paid")
    await _fill(office, account)
    new = await office.desk.keys.create(account, "local")
    return private_file(path, f"{new.key}\n").strip()


async def _fill(office: Office, account: str) -> None:
    have = await office.desk.ledger.available(Wallet(account, Unit.CREDITS))
    if have < LOCAL_CREDITS:
        await office.accounts.add_credits(account, LOCAL_CREDITS - have)
