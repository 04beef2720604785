"""What holds for every test: a missing system tool is said loudly, and with REQUIRE_ALL=1 a skip is a failure."""

import os
import shutil
from collections.abc import Generator

import pytest

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"
NOT_OURS = "not part of a clone"
"""Reason of skips that stay skips: recordings of other people that lie beside the project on some machines only."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("system"):
        absent = [tool for tool in marker.args if shutil.which(tool) is None]
        if absent:
            pytest.skip(f"SYSTEM TOOL MISSING: {', '.join(absent)}; install it to run this test")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if NOT_OURS not in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped although REQUIRE_ALL=1: {reason}"
    return report
