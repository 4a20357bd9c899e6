"""``gtx-edge read``: one reading, to see whether bus, unit and profile fit."""

import argparse
import asyncio
from contextlib import suppress

from gridtokenx_edge.cli.common import (
    Commands,
    add_config,
    add_meter,
    chosen_meter,
    print_json,
    print_table,
)
from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import MeterReplyError, ReadingRefused
from gridtokenx_edge.meters import MeterReading, decode
from gridtokenx_edge.modbus import BusPool, ModbusDevice


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("read", help="read a meter once; nothing is signed")
    add_config(parser)
    add_meter(parser)
    parser.add_argument("--json", action="store_true", help="JSON, with the raw registers")
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    _, meter = chosen_meter(arguments)
    serial, reading = asyncio.run(_read(meter))
    values: dict[str, object] = {
        "meter_id": meter.id.hex(),
        "profile": meter.profile.name,
        "serial": serial,
        "produced_mwh": reading.produced_mwh,
        "consumed_mwh": reading.consumed_mwh,
        "active_power_mw": reading.active_power_mw,
        "voltage_mv": reading.voltage_mv,
        "current_ma": reading.current_ma,
        "frequency_mhz": reading.frequency_mhz,
    }
    if arguments.json:
        registers = {name: raw.hex() for name, raw in reading.registers.items()}
        print_json({**values, "registers": registers})
    else:
        print_table(values)
    return 0


async def _read(meter: MeterConfig) -> tuple[str | None, MeterReading]:
    """Serial number, if the meter has one to tell, and reading."""
    buses = BusPool()
    try:
        device = ModbusDevice(buses.bus(meter.bus), meter.bus, meter.profile, SYSTEM_CLOCK)
        reading = decode(meter.profile, await device.read())
        serial = None
        if meter.profile.identity is not None:
            with suppress(MeterReplyError, ReadingRefused):  # some sell meters without one
                serial = await device.read_serial()
        return serial, reading
    finally:
        buses.close()
