"""``gtx-edge baseline``: sign the first record of a meter, for its registration."""

import argparse
import asyncio
from base64 import b64encode

from gridtokenx_edge.agent.baseline import make_baseline
from gridtokenx_edge.cli.common import (
    Commands,
    add_config,
    add_meter,
    chosen_meter,
    clock_probe,
    describe_key,
    print_json,
)
from gridtokenx_edge.clock import SYSTEM_CLOCK, StatusProbe
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.keystore import load_signer
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.records import SignedReading
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol.keys import Signer


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "baseline", help="sign the first record of a meter, or print it again"
    )
    add_config(parser)
    add_meter(parser)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    config, meter = chosen_meter(arguments)
    signer = load_signer(meter.key)
    baseline = asyncio.run(sign_baseline(meter, signer, clock_probe(config)))
    key = describe_key(signer)
    print_json(
        {
            "meter_id": meter.id.hex(),
            "public_key": key["public_key"],
            "algorithm": key["algorithm"],
            "baseline": b64encode(baseline.message).decode(),
        }
    )
    return 0


async def sign_baseline(meter: MeterConfig, signer: Signer, probe: StatusProbe) -> SignedReading:
    """Open bus and spool for ``make_baseline``, and close them again.

    Raises:
        EdgeError: As there.
    """
    buses = BusPool()
    spool = Spool.open(meter.spool)
    try:
        device = ModbusDevice(buses.bus(meter.bus), meter.bus, meter.profile, SYSTEM_CLOCK)
        return await make_baseline(device, spool, meter, signer, SYSTEM_CLOCK, probe)
    finally:
        buses.close()
        spool.close()
