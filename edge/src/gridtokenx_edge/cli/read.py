"""``gtx-edge read``: one reading, to see whether bus, unit and profile fit."""

import argparse
import asyncio

from gridtokenx_edge.cli.common import Commands, add_config, add_meter, chosen_meter, print_json
from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.meters import MeterReading, decode
from gridtokenx_edge.modbus import BusPool, ModbusDevice


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("read", help="read a meter once; nothing is signed")
    add_config(parser)
    add_meter(parser)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    _, meter = chosen_meter(arguments)
    reading = asyncio.run(_read(meter))
    print_json(
        {
            "meter_id": meter.id.hex(),
            "profile": meter.profile.name,
            "produced_mwh": reading.produced_mwh,
            "consumed_mwh": reading.consumed_mwh,
            "active_power_mw": reading.active_power_mw,
            "voltage_mv": reading.voltage_mv,
            "current_ma": reading.current_ma,
            "frequency_mhz": reading.frequency_mhz,
            "registers": {name: raw.hex() for name, raw in reading.registers.items()},
        }
    )
    return 0


async def _read(meter: MeterConfig) -> MeterReading:
    buses = BusPool()
    try:
        device = ModbusDevice(buses.bus(meter.bus), meter.bus, meter.profile, SYSTEM_CLOCK)
        return decode(meter.profile, await device.read())
    finally:
        buses.close()
