from pathlib import Path

import pytest

from weights import Store
from weights.settings import WeightsSettings
from weights.store import default_folder


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WEIGHTS_FOLDER", str(tmp_path / "models"))
    assert WeightsSettings().store().folder == tmp_path / "models"
    monkeypatch.delenv("WEIGHTS_FOLDER")
    assert WeightsSettings().folder == default_folder() == Store().folder
