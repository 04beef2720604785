"""The steps of the ledger as statements: each inserts one entry, or none, and a trigger moves the balances.

Rows that a step depends on are locked by it (SQLite has one writer anyway), holds before wallets in every step.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, bindparam, case, exists, literal, null, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql import Select
from sqlalchemy.sql.dml import ReturningInsert

from edge.policy.tables import ENTRIES, HOLDS, WALLETS, now_ms

END = "end"
"""The step that ends a hold, whatever its kind, so that a hold has one end."""


class Kind(StrEnum):
    """What an entry is."""

    GRANT = "grant"
    HOLD = "hold"
    SETTLE = "settle"
    RELEASE = "release"
    EXPIRE = "expire"
    LATE = "late"


REQUEST = bindparam("request", type_=String)
WALLET = bindparam("wallet", type_=String)
AMOUNT = bindparam("amount", type_=BigInteger)
AUDIO = bindparam("audio_ms", type_=BigInteger)
KIND = bindparam("kind", type_=String)
STEP = bindparam("step", type_=String)
PROCESS = bindparam("process", type_=String)


def _book(columns: dict[str, ColumnElement[Any]], source: Select[Any]) -> ReturningInsert[Any]:
    """Insert one entry made of `columns`, out of the row of `source`; nothing if the step was taken before."""
    defaults: dict[str, ColumnElement[Any]] = {
        "audio_ms": literal(0),
        "remaining": null(),
        "process": null(),
        "at": now_ms(),
    }
    columns = {**defaults, **columns}
    chosen = source.with_only_columns(*columns.values(), maintain_column_froms=True)
    entry = insert(ENTRIES).from_select(list(columns), chosen)
    return entry.on_conflict_do_nothing().returning(ENTRIES.c.available, ENTRIES.c.held, ENTRIES.c.remaining)


_WALLET = select(WALLETS).where(WALLETS.c.id == WALLET).with_for_update(of=WALLETS)
_HOLD = (
    select(HOLDS)
    .join(WALLETS, WALLETS.c.id == HOLDS.c.wallet)
    .where(HOLDS.c.request == REQUEST, HOLDS.c.wallet == WALLET)
)

OPEN = (
    insert(WALLETS)
    .values(
        id=WALLET, account=bindparam("account", type_=String), unit=bindparam("unit", type_=String), available=0, held=0
    )
    .on_conflict_do_nothing()
)

GRANT = _book(
    {
        "request": REQUEST,
        "wallet": WALLETS.c.id,
        "step": literal(Kind.GRANT.value),
        "kind": literal(Kind.GRANT.value),
        "available": AMOUNT,
        "held": literal(0),
    },
    _WALLET.where(WALLETS.c.available + AMOUNT >= 0),
)

TAKE = _book(
    {
        "request": REQUEST,
        "wallet": WALLETS.c.id,
        "step": STEP,
        "kind": literal(Kind.HOLD.value),
        "available": -AMOUNT,
        "held": AMOUNT,
        "remaining": WALLETS.c.available - AMOUNT,
        "process": PROCESS,
    },
    _WALLET.where(
        WALLETS.c.available >= AMOUNT,
        ~exists().where(ENTRIES.c.request == REQUEST, ENTRIES.c.wallet == WALLET),
    ),
)

_MORE = AMOUNT - HOLDS.c.amount
RAISE = _book(
    {
        "request": HOLDS.c.request,
        "wallet": HOLDS.c.wallet,
        "step": STEP,
        "kind": literal(Kind.HOLD.value),
        "available": -_MORE,
        "held": _MORE,
        "remaining": WALLETS.c.available - _MORE,
        "process": HOLDS.c.process,
    },
    _HOLD.where(HOLDS.c.amount < AMOUNT, WALLETS.c.available >= _MORE).with_for_update(of=(HOLDS, WALLETS)),
)

_USED = case((HOLDS.c.amount > AMOUNT, AMOUNT), else_=HOLDS.c.amount)
FINISH = _book(
    {
        "request": HOLDS.c.request,
        "wallet": HOLDS.c.wallet,
        "step": literal(END),
        "kind": KIND,
        "available": HOLDS.c.amount - _USED,
        "held": -HOLDS.c.amount,
        "audio_ms": AUDIO,
    },
    _HOLD.with_for_update(of=HOLDS),
)

_THERE = case((WALLETS.c.available > AMOUNT, AMOUNT), else_=WALLETS.c.available)
SETTLE_LATE = _book(
    {
        "request": REQUEST,
        "wallet": WALLETS.c.id,
        "step": literal(Kind.LATE.value),
        "kind": literal(Kind.LATE.value),
        "available": -_THERE,
        "held": literal(0),
        "audio_ms": AUDIO,
    },
    _WALLET.where(
        exists().where(
            ENTRIES.c.request == REQUEST,
            ENTRIES.c.wallet == WALLET,
            ENTRIES.c.step == END,
            ENTRIES.c.kind != Kind.SETTLE.value,
        )
    ),
)

STATE = (
    select(
        WALLETS.c.available,
        HOLDS.c.amount,
        exists().where(ENTRIES.c.request == REQUEST, ENTRIES.c.wallet == WALLET).label("known"),
        exists()
        .where(ENTRIES.c.request == bindparam("opening", type_=String), ENTRIES.c.wallet == WALLET)
        .label("opened"),
    )
    .select_from(WALLETS)
    .outerjoin(HOLDS, (HOLDS.c.wallet == WALLETS.c.id) & (HOLDS.c.request == REQUEST))
    .where(WALLETS.c.id == WALLET)
)
