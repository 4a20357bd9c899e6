"""Each wheel is built and installed once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from tests.packaging.environments import Environment, build_wheels

Install = Callable[[str], Environment]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheels of all distributions."""
    folder = tmp_path_factory.mktemp("wheels")
    build_wheels(folder)
    return folder


@pytest.fixture(scope="session")
def install(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Installs one of them alone."""
    folder = tmp_path_factory.mktemp("installed")

    @cache
    def installed(distribution: str) -> Environment:
        return Environment.install(distribution, wheels, folder / distribution)

    return installed
