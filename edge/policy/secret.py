"""The secret that keys and addresses are hashed with."""

import hmac
import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from sqlalchemy import String, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from edge.policy.database import Database
from edge.policy.settings import PolicySettings
from edge.policy.tables import SECRETS

_DIGEST = bindparam("digest", type_=String)
PUT = insert(SECRETS).values(name="keys", digest=_DIGEST).on_conflict_do_nothing()
GET = select(SECRETS.c.digest).where(SECRETS.c.name == "keys")


class WrongSecret(Exception):
    """The database was made with another secret, so that no key in it could be found."""


def private_file(path: Path, content: str) -> str:
    """Give what is in the file; the first to come writes `content`, for the eyes of its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place, so that nobody reads half of it and the first one wins.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    return path.read_text()


def load_secret(settings: PolicySettings) -> bytes:
    """Give the secret of the settings, or that of the data folder."""
    if settings.key_secret is not None:
        return settings.key_secret.get_secret_value().encode()
    path = settings.folder / "secret"
    return (path.read_text() if path.exists() else private_file(path, secrets.token_hex(32))).encode()


async def check_secret(database: Database, secret: bytes) -> None:
    """Raise `WrongSecret` unless the database was made with this secret."""
    digest = hmac.new(secret, b"check", sha256).hexdigest()
    await database.run(PUT, digest=digest)
    [row] = await database.run(GET)
    if not hmac.compare_digest(row["digest"], digest):
        raise WrongSecret("EDGE_KEY_SECRET is not the one that this database was made with")
