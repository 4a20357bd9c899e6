"""What all tests share: the same random cases, the kill loops' length, and what is left out."""

import os

import pytest
from hypothesis import settings

from workbench.cluster_machine import lacking, look_at_machine

SOAK_TIMES = int(os.environ.get("GTX_SOAK_TIMES", "1"))

# The checks take the same sample each time; a soak looks for new cases. A deadline would make the
# speed of the machine part of the result.
settings.register_profile("sample", derandomize=True, deadline=None)
settings.register_profile("soak", deadline=None, max_examples=100 * SOAK_TIMES)
settings.load_profile("sample" if SOAK_TIMES == 1 else "soak")


@pytest.fixture(scope="session")
def soak_times() -> int:
    """How many times as many rounds as in the checks a kill loop does; see `./run soak`."""
    return SOAK_TIMES


def pytest_report_header() -> list[str]:
    """Name the tests that are not here for want of a tool."""
    missing = lacking(look_at_machine(), 1)
    return [f"no test of a private cluster: {lack}" for lack in missing]
