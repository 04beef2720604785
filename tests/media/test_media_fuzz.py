from pathlib import Path

import pytest

from tests.media import fuzz

SECONDS = 6


async def test_mutated_files_end_as_reports_or_typed_errors(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    outcome = await fuzz.run(SECONDS, 1, keep=tmp_path)
    with capsys.disabled():
        print(f"\n{outcome}")  # noqa: T201  # how much was tried is to be seen in every run
    assert outcome.failures == []
    assert outcome.inputs > 0
