"""Where weights are kept and whether the network may be asked for them."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from weights.store import Store, default_folder


class WeightsSettings(BaseSettings):
    """Settings by environment, `WEIGHTS_` in front."""

    model_config = SettingsConfigDict(env_prefix="WEIGHTS_", frozen=True)

    folder: Path = Field(default_factory=default_folder)
    """The store's folder."""
    offline: bool = False
    """Use what is in the store and in local folders only."""

    def store(self) -> Store:
        """Open the store."""
        return Store(self.folder, offline=self.offline)
