"""The edge agent's needs have wheels for the small machines that it runs on, by the lock file."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from packaging.markers import Marker, default_environment
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from workbench.environment import ROOT

PYTHONS = [(3, 11), (3, 12), (3, 13), (3, 14)]
OLDEST_GLIBC = {"aarch64": 28, "armv7l": 31}
"""2.x of Debian 10 and 11."""
FROM_DEBIAN = {"aarch64": set[str](), "armv7l": {"cffi"}}
"""Compiled, without a wheel: Debian has it as python3-cffi-backend, see edge/README.md."""


def locked() -> dict[str, Mapping[str, Any]]:
    content = tomllib.loads((ROOT / "uv.lock").read_text())
    return {package["name"]: package for package in content["package"]}


def needs(name: str, packages: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The distributions that one brings along from the registry, without extras."""
    cpython = {**default_environment(), "platform_python_implementation": "CPython"}
    for dependency in packages[name].get("dependencies", []):
        if "marker" not in dependency or Marker(dependency["marker"]).evaluate(cpython):
            if "registry" in packages[dependency["name"]]["source"]:
                yield dependency["name"]
            yield from needs(dependency["name"], packages)


def tags(python: tuple[int, int], machine: str) -> set[Tag]:
    """What pip takes there."""
    platforms = [f"manylinux_2_{n}_{machine}" for n in range(5, OLDEST_GLIBC[machine] + 1)]
    interpreter = f"cp{python[0]}{python[1]}"
    return {
        *cpython_tags(python, abis=[interpreter], platforms=platforms),
        *compatible_tags(python, interpreter, platforms),
    }


def has_wheel(package: Mapping[str, Any], wanted: set[Tag]) -> bool:
    names = (wheel["url"].rpartition("/")[2] for wheel in package.get("wheels", []))
    return any(parse_wheel_filename(name)[3] & wanted for name in names)


@pytest.mark.parametrize("machine", OLDEST_GLIBC)
@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_the_edge_has_a_wheel_for_all_that_it_needs(python: tuple[int, int], machine: str) -> None:
    packages = locked()
    wanted = tags(python, machine)
    needed = set(needs("gridtokenx-edge", packages))
    assert {"cryptography", "paho-mqtt", "cffi"} <= needed, "also what its needs need"
    without = {name for name in needed if not has_wheel(packages[name], wanted)}
    assert without == FROM_DEBIAN[machine]
