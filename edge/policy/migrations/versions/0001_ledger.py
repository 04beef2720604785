"""Accounts, keys, the ledger and the triggers that keep its balances."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MEBIBYTE = 2**20

POSTGRESQL = (
    """
    CREATE FUNCTION book_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE wallets SET available = available + NEW.available, held = held + NEW.held WHERE id = NEW.wallet;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no wallet %', NEW.wallet;
        END IF;
        IF NEW.kind = 'hold' THEN
            INSERT INTO holds (request, wallet, amount, process)
            VALUES (NEW.request, NEW.wallet, NEW.held, NEW.process)
            ON CONFLICT (request, wallet) DO UPDATE SET amount = holds.amount + EXCLUDED.amount;
        ELSIF NEW.step = 'end' THEN
            DELETE FROM holds WHERE request = NEW.request AND wallet = NEW.wallet AND amount = -NEW.held;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'no such hold: %', NEW.request;
            END IF;
        END IF;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER entries_book AFTER INSERT ON entries FOR EACH ROW EXECUTE FUNCTION book_entry()",
    """
    CREATE FUNCTION keep_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM wallets WHERE id = OLD.wallet) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'entries are only added';
    END $$
    """,
    "CREATE TRIGGER entries_keep BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION keep_entry()",
)

SQLITE = (
    """
    CREATE TRIGGER entries_book AFTER INSERT ON entries BEGIN
        SELECT RAISE(ABORT, 'no such wallet') WHERE NOT EXISTS (SELECT 1 FROM wallets WHERE id = NEW.wallet);
        UPDATE wallets SET available = available + NEW.available, held = held + NEW.held WHERE id = NEW.wallet;
    END
    """,
    """
    CREATE TRIGGER entries_hold AFTER INSERT ON entries WHEN NEW.kind = 'hold' BEGIN
        INSERT INTO holds (request, wallet, amount, process)
        VALUES (NEW.request, NEW.wallet, NEW.held, NEW.process)
        ON CONFLICT (request, wallet) DO UPDATE SET amount = holds.amount + excluded.amount;
    END
    """,
    """
    CREATE TRIGGER entries_end AFTER INSERT ON entries WHEN NEW.step = 'end' BEGIN
        SELECT RAISE(ABORT, 'no such hold') WHERE NOT EXISTS (
            SELECT 1 FROM holds WHERE request = NEW.request AND wallet = NEW.wallet AND amount = -NEW.held
        );
        DELETE FROM holds WHERE request = NEW.request AND wallet = NEW.wallet;
    END
    """,
    """
    CREATE TRIGGER entries_update BEFORE UPDATE ON entries BEGIN
        SELECT RAISE(ABORT, 'entries are only added');
    END
    """,
    """
    CREATE TRIGGER entries_delete BEFORE DELETE ON entries
    WHEN EXISTS (SELECT 1 FROM wallets WHERE id = OLD.wallet) BEGIN
        SELECT RAISE(ABORT, 'entries are only added');
    END
    """,
)


def upgrade() -> None:
    """Make the tables, the triggers and the three tiers."""
    _identities()
    _books()
    _requests()
    for statement in POSTGRESQL if op.get_context().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _identities() -> None:
    tiers = op.create_table(
        "tiers",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("max_bytes", sa.BigInteger(), nullable=False),
        sa.Column("concurrent", sa.Integer(), nullable=False),
        sa.Column("minutes_month", sa.BigInteger()),
        sa.Column("transcriptions_day", sa.BigInteger()),
        sa.Column("credits", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="tiers_pkey"),
    )
    op.bulk_insert(
        tiers,
        [
            _tier("anonymous", 100, concurrent=1, transcriptions_day=3),
            _tier("free", 500, concurrent=2, minutes_month=600),
            _tier("paid", 2048, concurrent=5, paid=True),
        ],
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tier"], ["tiers.name"], name="accounts_tier_fkey"),
        sa.PrimaryKeyConstraint("id", name="accounts_pkey"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("used_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="keys_account_fkey"),
        sa.PrimaryKeyConstraint("id", name="keys_pkey"),
        sa.UniqueConstraint("digest", name="keys_digest_key"),
    )
    op.create_index("keys_account", "keys", ["account"])
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="secrets_pkey"),
    )


def _tier(
    name: str,
    mebibytes: int,
    *,
    concurrent: int,
    minutes_month: int | None = None,
    transcriptions_day: int | None = None,
    paid: bool = False,
) -> dict[str, object]:
    return {
        "name": name,
        "max_bytes": mebibytes * MEBIBYTE,
        "concurrent": concurrent,
        "minutes_month": minutes_month,
        "transcriptions_day": transcriptions_day,
        "credits": paid,
    }


def _books() -> None:
    op.create_table(
        "wallets",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("available >= 0", name="wallets_available"),
        sa.CheckConstraint("held >= 0", name="wallets_held"),
        sa.PrimaryKeyConstraint("id", name="wallets_pkey"),
    )
    op.create_index("wallets_account", "wallets", ["account"])
    op.create_table(
        "entries",
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger()),
        sa.Column("audio_ms", sa.BigInteger(), nullable=False),
        sa.Column("process", sa.String()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("request", "wallet", "step", name="entries_pkey"),
    )
    op.create_index("entries_wallet_at", "entries", ["wallet", "at"])
    op.create_table(
        "holds",
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.CheckConstraint("amount > 0", name="holds_amount"),
        sa.PrimaryKeyConstraint("request", "wallet", name="holds_pkey"),
    )
    op.create_index("holds_process", "holds", ["process"])


def _requests() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("alive_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="processes_pkey"),
    )
    op.create_table(
        "leases",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account", "slot", name="leases_pkey"),
        sa.UniqueConstraint("request", name="leases_request_key"),
    )
    op.create_table(
        "requests",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("audio_ms", sa.BigInteger()),
        sa.Column("answer", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("account", "key", name="requests_pkey"),
        sa.UniqueConstraint("request", name="requests_request_key"),
    )
    op.create_index("requests_created_at", "requests", ["created_at"])


def downgrade() -> None:
    """Drop everything."""
    for table in (
        "keys",
        "accounts",
        "tiers",
        "secrets",
        "entries",
        "holds",
        "wallets",
        "leases",
        "requests",
        "processes",
    ):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION book_entry(), keep_entry()")
