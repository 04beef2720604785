"""The settings of the policy, read from the environment once."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class PolicySettings(BaseSettings):
    """Each by the name `EDGE_...`."""

    model_config = SettingsConfigDict(env_prefix="EDGE_", extra="ignore")

    policy: Literal["open", "metered"] = "metered"
    """`open` lets everybody do everything: for a closed network."""
    data_folder: Path = Path("~/.local/share/verbatim")
    """Where the database, the secret and the journal are, unless they are set."""
    database: str = ""
    """`sqlite:///path` or `postgresql://user:password@host/name`; a file in the data folder if empty."""
    database_connections: int = Field(default=8, ge=1)
    """Connections of one process to PostgreSQL."""
    database_patience_seconds: float = Field(default=5.0, gt=0)
    """How long PostgreSQL has to answer, all tries together, before it is taken for gone."""
    database_lock_seconds: float = Field(default=2.0, gt=0)
    """How long one step waits for a row of PostgreSQL that somebody else has locked."""
    database_upgrade: bool = True
    """Whether a start brings the tables up to date; else `python -m edge database upgrade` does."""
    key_secret: SecretStr | None = Field(default=None, min_length=32)
    """What keys and addresses are hashed with, the same for every edge; a file in the data folder if unset."""
    trusted_proxies: list[IPv4Network | IPv6Network] = []
    """Networks whose `X-Forwarded-For` is believed, as a JSON list."""
    sign_up: bool = True
    """Whether `POST /v1/account` makes accounts."""
    sign_ups_per_day: int = Field(default=5, ge=1)
    """Accounts that one address may make in a UTC day."""
    local_account: bool = False
    """Whether the first start makes a paid account for the people of this machine."""
    beat_seconds: float = Field(default=10.0, gt=0)
    """How often a process says that it lives, sweeps, and tells what the journal has."""
    lease_seconds: float = Field(default=30.0, gt=0)
    """How long the slots of a process that died stay taken."""
    hold_grace_seconds: float = Field(default=600.0, ge=0)
    """How long after that its holds stay; a database may be away for this long without a hold lost."""

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.data_folder.expanduser()

    @property
    def database_url(self) -> str:
        """The address of the database."""
        return self.database or f"sqlite:///{self.folder.absolute() / 'edge.db'}"
