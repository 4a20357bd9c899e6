"""The meter in front of the installer tells which one it is."""

import asyncio
from pathlib import Path
from typing import Final

from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.config import BusConfig
from gridtokenx_edge.config.bus import load_bus
from gridtokenx_edge.errors import MeterError
from gridtokenx_edge.meters import Profile
from gridtokenx_edge.meters.load import load_profile
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.toml_table import TomlTable
from gridtokenx_provisioning.errors import InvalidArgument, SerialMismatch
from gridtokenx_provisioning.site import MeterAccess

ATTEMPTS: Final = 3
PAUSE_S: Final = 1.0
"""Longer than the agent's first back-off."""


def tells_serial(access: MeterAccess, folder: Path) -> bool:
    """Whether the model has a register for its serial number.

    Raises:
        ConfigError: There is no such profile.
    """
    return load_profile(access.profile, folder).identity is not None


def find_serial(access: MeterAccess, folder: Path, given: str | None) -> str:
    """The serial number: from the meter itself, or from its plate where it does not tell it.

    Args:
        access: How the meter is read.
        folder: Where relative paths start.
        given: What the installer read on the plate; None when that was not said.

    Raises:
        SerialMismatch: The meter shows another one.
        InvalidArgument: The meter does not tell it, and it was not given.
        ConfigError: Profile or bus are described wrongly.
        MeterError, ReadingRefused: It cannot be read.
    """
    profile = load_profile(access.profile, folder)
    if profile.identity is None:
        if given is None:
            raise InvalidArgument(
                f"--serial: meters of profile {profile.name} do not tell their serial number;"
                " write the one on the plate"
            )
        return given
    bus = load_bus(TomlTable(access.bus, folder / "edge.toml", "meter.bus."))
    shown = asyncio.run(_read(bus, profile))
    if given is not None and _plain(given) != _plain(shown):
        raise SerialMismatch(
            f"the meter shows serial number {shown}, not {given}; check the bus address, or leave"
            " --serial out"
        )
    return shown


def _plain(serial: str) -> str:
    text = serial.strip()
    return str(int(text)) if text.isascii() and text.isdigit() else text


async def _read(bus: BusConfig, profile: Profile) -> str:
    buses = BusPool()
    device = ModbusDevice(buses.bus(bus), bus, profile, SYSTEM_CLOCK)
    try:
        for _ in range(ATTEMPTS - 1):
            try:
                return await device.read_serial()
            except MeterError:
                await asyncio.sleep(PAUSE_S)
        return await device.read_serial()
    finally:
        buses.close()
