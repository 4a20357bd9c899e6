"""`./run check packaging`: builds every wheel, installs it where nothing else is, and tries it."""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.console import say
from workbench.environment import ROOT, find_uv


@dataclass(frozen=True, slots=True)
class Wheel:
    """What a distribution must bring along, what it must not need, and how it is tried."""

    distribution: str
    contains: tuple[str, ...]
    tries: tuple[str, ...]
    absent: tuple[str, ...] = ()


# What a Pi has no wheels for, or no room.
HUB_LIBRARIES = ("asyncpg", "solders", "fastapi", "solana", "pynacl", "gridtokenx-hub")

WHEELS = (
    Wheel("gridtokenx-protocol", (), ("python -c 'import gridtokenx_protocol'",), HUB_LIBRARIES),
    Wheel(
        "gridtokenx-edge",
        ("gridtokenx_edge/meters/profiles/schneider-iem3155.toml",),
        ("gtx-edge --help",),
        HUB_LIBRARIES,
    ),
    Wheel("gridtokenx-provisioning", (), ("gtx-provision --help",), HUB_LIBRARIES),
    Wheel(
        "gridtokenx-firmware-sim",
        ("gridtokenx_firmware_sim/scenarios/", "gridtokenx_firmware_sim/extras/"),
        ("gtx-meter-sim --help",),
        HUB_LIBRARIES,
    ),
    Wheel(
        "gridtokenx-programs",
        ("gridtokenx_programs/elf/registry.so", "gridtokenx_programs/idl/trading.json"),
        ("python -c 'import gridtokenx_programs as p; p.load(\"trading\").elf()'",),
    ),
    Wheel(
        "gridtokenx-hub",
        (
            "gridtokenx_hub/database/migrations/0001_initial.sql",
            "gridtokenx_hub/web/templates/",
            "gridtokenx_hub/web/static/",
        ),
        ("gtx-hub --help",),
        ("gridtokenx-edge", "pymodbus"),
    ),
)


class PackagingError(RuntimeError):
    """A wheel is not what it must be; the message says which and why."""


def check_wheels() -> None:
    """Build and try every distribution.

    Raises:
        PackagingError: something is missing, superfluous, or does not start.
    """
    uv = find_uv()
    with tempfile.TemporaryDirectory() as temporary:
        dist = Path(temporary) / "dist"
        _run([*uv, "build", "--all-packages", "--wheel", "--quiet", "--out-dir", str(dist)])
        for wheel in WHEELS:
            _check(wheel, uv, dist, Path(temporary) / wheel.distribution)
            say(f"       {wheel.distribution}: builds, installs alone, starts")


def _check(wheel: Wheel, uv: Sequence[str], dist: Path, environment: Path) -> None:
    (path,) = dist.glob(f"{wheel.distribution.replace('-', '_')}-*.whl")
    names = zipfile.ZipFile(path).namelist()
    for wanted in wheel.contains:
        if not any(name.startswith(wanted) for name in names):
            raise PackagingError(f"{path.name} does not contain {wanted}")
    _run([*uv, "venv", "--quiet", "--python", sys.executable, str(environment)])
    python = str(environment / "bin" / "python")
    _run(
        [*uv, "pip", "install", "--quiet", "--python", python, "--find-links", str(dist), str(path)]
    )
    listed = _run([*uv, "pip", "list", "--python", python, "--format", "freeze"]).lower()
    for name in wheel.absent:
        if f"\n{name}==" in f"\n{listed}":
            raise PackagingError(f"{wheel.distribution} pulls in {name}")
    for command in wheel.tries:
        _run(["sh", "-c", f'PATH="{environment / "bin"}:$PATH" {command}'])


def _run(command: Sequence[str]) -> str:
    result = subprocess.run(  # noqa: S603 - our own commands
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise PackagingError(f"{' '.join(command)} failed:\n{result.stderr or result.stdout}")
    return result.stdout


if __name__ == "__main__":
    try:
        check_wheels()
    except PackagingError as error:
        say(str(error))
        sys.exit(1)
