"""The ledger: wallets, and holds that end exactly once.

    hold -> settle    what was used is taken, the rest goes back
         -> release   all of it goes back
         -> expire    the same, by the sweeper, when the process that held it is gone
    late              a settlement that comes after the hold ended without one: taken from what is there

Each step is one inserted entry whose key is (request, wallet, step): a step that is tried again changes nothing.
"""

from dataclasses import dataclass

from edge.policy.database import Database
from edge.policy.steps import FINISH, GRANT, OPEN, RAISE, SETTLE_LATE, STATE, TAKE, Kind
from edge.policy.wallets import Wallet


class Insufficient(Exception):
    """The wallet does not cover the amount."""

    def __init__(self, wallet: Wallet, remaining: int) -> None:
        super().__init__(f"{remaining} {wallet.unit} left")
        self.wallet = wallet
        self.remaining = remaining


class HoldEnded(Exception):
    """The hold that was to be raised has ended, by the sweeper or by a settlement."""


@dataclass(frozen=True, slots=True)
class State:
    """What a wallet and one request's hold in it look like just now."""

    opened: bool
    available: int
    held: int
    """What this request holds."""
    known: bool
    """Whether this request ever held here."""


class Ledger:
    """Moves amounts between what is available and what is held."""

    def __init__(self, database: Database, *, process: str) -> None:
        self._database = database
        self._process = process

    async def hold(self, request: str, wallet: Wallet, amount: int) -> int:
        """Set `amount` aside for `request` and give what remains; the first time a wallet is used, open it.

        Raises `Insufficient`, or `HoldEnded` if the request held before and does no more.
        """
        take = {"request": request, "wallet": wallet.id, "amount": amount, "process": self._process}
        while not (rows := await self._database.run(TAKE, **take, step=f"hold {amount}")):
            state = await self._state(request, wallet)
            if not state.opened:
                await self.open(wallet)
            elif state.held >= amount:
                return state.available
            elif state.known:
                raise HoldEnded
            elif state.available < amount:
                raise Insufficient(wallet, state.available)
            # Somebody opened the wallet, or put something back, between the two statements.
        return int(rows[0]["remaining"])

    async def raise_to(self, request: str, wallet: Wallet, amount: int) -> int:
        """Set aside `amount` in all for a `request` that holds already, and give what remains.

        Raises `Insufficient` or `HoldEnded`; what was held stays held.
        """
        values = {"request": request, "wallet": wallet.id, "amount": amount}
        while not (rows := await self._database.run(RAISE, **values, step=f"hold {amount}")):
            state = await self._state(request, wallet)
            if state.held >= amount:
                return state.available
            if state.held == 0:
                raise HoldEnded
            if state.available < amount - state.held:
                raise Insufficient(wallet, state.available)
        return int(rows[0]["remaining"])

    async def settle(self, request: str, wallet: Wallet, amount: int, *, audio_ms: int) -> int | None:
        """End the hold by taking `amount`, at most what is held; give what was taken, None if it was settled before."""
        values = {"request": request, "wallet": wallet.id, "amount": amount, "audio_ms": audio_ms}
        rows = await self._database.run(FINISH, **values, kind=Kind.SETTLE.value)
        if not rows:
            rows = await self._database.run(SETTLE_LATE, **values)
        return -int(rows[0]["available"] + rows[0]["held"]) if rows else None

    async def release(self, request: str, wallet: Wallet, *, kind: Kind = Kind.RELEASE) -> bool:
        """End the hold by giving all of it back; False if there is none."""
        values = {"request": request, "wallet": wallet.id, "amount": 0, "audio_ms": 0}
        return bool(await self._database.run(FINISH, **values, kind=kind.value))

    async def open(self, wallet: Wallet) -> bool:
        """Open the wallet with its grant; False if that was done before."""
        await self._database.run(OPEN, wallet=wallet.id, account=wallet.account, unit=wallet.unit.value)
        return await self.add(wallet, wallet.grant, reference=_opening(wallet))

    async def add(self, wallet: Wallet, amount: int, *, reference: str) -> bool:
        """Put `amount` in, once for each `reference`; False if that was done before.

        A negative amount takes out, and is not taken (False) if there is less.
        """
        return bool(await self._database.run(GRANT, request=reference, wallet=wallet.id, amount=amount))

    async def available(self, wallet: Wallet) -> int:
        """Give what may still be held; the grant if the wallet was never used."""
        state = await self._state("", wallet)
        return state.available if state.opened else wallet.grant

    async def _state(self, request: str, wallet: Wallet) -> State:
        rows = await self._database.run(STATE, request=request, wallet=wallet.id, opening=_opening(wallet))
        if not rows:
            return State(opened=False, available=0, held=0, known=False)
        [row] = rows
        return State(bool(row["opened"]), int(row["available"]), int(row["amount"] or 0), bool(row["known"]))


def _opening(wallet: Wallet) -> str:
    """Name the grant that opens a wallet."""
    return f"open {wallet.id}"
