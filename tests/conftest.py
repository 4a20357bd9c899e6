"""What all tests share: how long the kill loops go on, and what this machine leaves out."""

import os

import pytest

from workbench.cluster_machine import lacking, look_at_machine


@pytest.fixture(scope="session")
def soak_times() -> int:
    """How many times as many rounds as in the checks a kill loop does; see `./run soak`."""
    return int(os.environ.get("GTX_SOAK_TIMES", "1"))


def pytest_report_header() -> list[str]:
    """Name the tests that are not here for want of a tool."""
    missing = lacking(look_at_machine(), 1)
    return [f"no test of a private cluster: {lack}" for lack in missing]
