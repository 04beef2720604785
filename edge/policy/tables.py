"""The tables of accounts, keys and the ledger, the same on SQLite and PostgreSQL.

Times are whole milliseconds since 1970 by the clock of the database. Amounts are whole units of a wallet: credits,
milliseconds of audio, or tries. What is booked stands in `entries`, which is only ever added to; the balances of
`wallets` and the rows of `holds` follow from it by a trigger (see the first migration), so that one inserted entry
is one whole step of the ledger.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

METADATA = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


class now_ms(GenericFunction[int]):
    """The database's clock in whole milliseconds since 1970."""

    type = BigInteger()
    inherit_cache = True
    name = "now_ms"


@compiles(now_ms, "sqlite")
def _sqlite_now(element: now_ms, compiler: Any, **options: Any) -> str:
    # 2440587.5 is the Julian day of 1970-01-01T00:00Z; older SQLite has no unixepoch('subsec').
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


@compiles(now_ms, "postgresql")
def _postgresql_now(element: now_ms, compiler: Any, **options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


TIERS = Table(
    "tiers",
    METADATA,
    Column("name", String, primary_key=True),
    Column("max_bytes", BigInteger, nullable=False),
    Column("concurrent", Integer, nullable=False),
    Column("minutes_month", BigInteger),
    Column("transcriptions_day", BigInteger),
    Column("credits", Boolean, nullable=False),
)

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("tier", String, ForeignKey("tiers.name"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

KEYS = Table(
    "keys",
    METADATA,
    Column("id", String, primary_key=True),
    Column("account", String, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("digest", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("used_at", BigInteger),
)

PROCESSES = Table(
    "processes",
    METADATA,
    Column("id", String, primary_key=True),
    Column("alive_until", BigInteger, nullable=False),
)

WALLETS = Table(
    "wallets",
    METADATA,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False, index=True),
    Column("unit", String, nullable=False),
    Column("available", BigInteger, CheckConstraint("available >= 0", name="available"), nullable=False),
    Column("held", BigInteger, CheckConstraint("held >= 0", name="held"), nullable=False),
)

ENTRIES = Table(
    "entries",
    METADATA,
    Column("request", String, nullable=False),
    Column("wallet", String, nullable=False),
    Column("step", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("remaining", BigInteger),
    Column("audio_ms", BigInteger, nullable=False),
    Column("process", String),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("request", "wallet", "step"),
    Index(None, "wallet", "at"),
)

HOLDS = Table(
    "holds",
    METADATA,
    Column("request", String, nullable=False),
    Column("wallet", String, nullable=False),
    Column("amount", BigInteger, CheckConstraint("amount > 0", name="amount"), nullable=False),
    Column("process", String, nullable=False, index=True),
    PrimaryKeyConstraint("request", "wallet"),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("account", String, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("request", String, nullable=False, unique=True),
    Column("process", String, nullable=False),
    PrimaryKeyConstraint("account", "slot"),
)

REQUESTS = Table(
    "requests",
    METADATA,
    Column("account", String, nullable=False),
    Column("key", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("request", String, nullable=False, unique=True),
    Column("process", String, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("audio_ms", BigInteger),
    Column("answer", LargeBinary),
    PrimaryKeyConstraint("account", "key"),
)

SECRETS = Table(
    "secrets",
    METADATA,
    Column("name", String, primary_key=True),
    Column("digest", String, nullable=False),
)
