"""Every distribution builds, brings along what it needs, installs where nothing else is, starts."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.packaging.environments import Environment, built, wheel_of


@dataclass(frozen=True)
class Wheel:
    """What a distribution must bring along, what it must not need, and how it is tried."""

    contains: tuple[str, ...]
    tries: tuple[str, ...]
    absent: frozenset[str] = frozenset()


# What small machines have no wheels for, or no room.
HUB_LIBRARIES = frozenset(
    {"asyncpg", "solders", "solana", "web3", "pynacl", "fastapi", "pydantic", "gridtokenx-hub"}
)
WHEELS = {
    "gridtokenx-protocol": Wheel((), ("python", "-c", "import gridtokenx_protocol"), HUB_LIBRARIES),
    "gridtokenx-edge": Wheel(
        ("gridtokenx_edge/meters/profiles/schneider-iem3155.toml",),
        ("gtx-edge", "--help"),
        HUB_LIBRARIES,
    ),
    "gridtokenx-provisioning": Wheel((), ("gtx-provision", "--help"), HUB_LIBRARIES),
    "gridtokenx-firmware-sim": Wheel(
        ("gridtokenx_firmware_sim/scenarios/", "gridtokenx_firmware_sim/extras/"),
        ("gtx-meter-sim", "--help"),
        HUB_LIBRARIES,
    ),
    "gridtokenx-programs": Wheel(
        ("gridtokenx_programs/elf/registry.so", "gridtokenx_programs/idl/trading.json"),
        ("python", "-c", "import gridtokenx_programs as p; p.load('trading').elf()"),
    ),
    "gridtokenx-hub": Wheel(
        (
            "gridtokenx_hub/database/migrations/0001_initial.sql",
            "gridtokenx_hub/web/templates/",
            "gridtokenx_hub/web/static/explain/page.js",
        ),
        ("gtx-hub", "--help"),
        frozenset({"gridtokenx-edge", "pymodbus", "pyserial"}),
    ),
    "gridtokenx-guardian": Wheel(
        (), ("gtx-guardian", "--help"), frozenset({"gridtokenx-hub", "gridtokenx-edge", "asyncpg"})
    ),
}


def test_every_distribution_of_the_workspace_is_here(wheels: Path) -> None:
    assert built(wheels) == WHEELS.keys()


@pytest.mark.parametrize("distribution", WHEELS)
def test_it_installs_alone_and_starts(
    wheels: Path, install: Callable[[str], Environment], distribution: str
) -> None:
    wheel = WHEELS[distribution]
    names = zipfile.ZipFile(wheel_of(distribution, wheels)).namelist()
    for wanted in wheel.contains:
        assert any(name.startswith(wanted) for name in names), f"{wanted} is not in the wheel"
    environment = install(distribution)
    assert not environment.distributions() & wheel.absent
    environment.run(*wheel.tries)
