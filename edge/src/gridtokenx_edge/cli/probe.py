"""``gtx-edge probe``: find meters on a bus or in a network, and the profile that fits."""

import argparse
import asyncio
import sys
from pathlib import Path

from gridtokenx_edge.cli.common import Commands, print_json, print_table, print_text
from gridtokenx_edge.config.bus import BAUDS
from gridtokenx_edge.config.model import TcpLine
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.meters import load_profile, shipped_profiles
from gridtokenx_edge.probe import Found, Place, golden_case, hosts_of, search, serial_lines
from gridtokenx_edge.probe.places import units_of
from gridtokenx_edge.probe.search import describe


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "probe",
        help="find meters where you say, and the profile that fits; nothing is written to them",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--host", help="name, address or small subnet such as 192.168.1.0/28")
    where.add_argument("--device", type=Path, help="serial port")
    parser.add_argument("--units", default="1", help="addresses such as 1-4,17; default 1")
    parser.add_argument("--port", type=int, default=502, help="TCP port; default 502")
    parser.add_argument(
        "--rtu-over-tcp", action="store_true", help="the gateway passes serial frames on"
    )
    parser.add_argument("--baud", type=int, choices=BAUDS, nargs="+", default=[9600])
    parser.add_argument(
        "--parity", choices=("none", "even", "odd"), nargs="+", default=["none", "even"]
    )
    parser.add_argument("--stop-bits", type=int, choices=(1, 2), default=1)
    parser.add_argument("--profile", help="try this one only, shipped or a file of your own")
    parser.add_argument("--timeout-ms", type=int, default=1000, help="default 1000")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write a golden case")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not 0 < arguments.port < 65536 or not 50 <= arguments.timeout_ms <= 60_000:
        raise ConfigError("write a --port from 1 to 65535 and a --timeout-ms from 50 to 60000")
    names = [arguments.profile] if arguments.profile else shipped_profiles()
    profiles = [load_profile(name, Path()) for name in names]
    found = asyncio.run(search(_places(arguments), profiles, arguments.timeout_ms, _tell))
    if arguments.record is not None:
        _record(arguments.record, found)
    if arguments.json:
        print_json([_plain(device) for device in found])
    else:
        for device in found:
            print_table(_plain(device))
            print_text("\n")
    if not found:
        raise ConfigError("nobody answers there; check power, cable, --units, --baud and --parity")
    return 0


def _places(arguments: argparse.Namespace) -> list[Place]:
    units = units_of(arguments.units)
    if arguments.device is not None:
        lines = serial_lines(
            arguments.device, arguments.baud, arguments.parity, arguments.stop_bits
        )
        return [Place(line, units) for line in lines]
    return [
        Place(TcpLine(host, arguments.port, arguments.rtu_over_tcp), units)
        for host in hosts_of(arguments.host)
    ]


def _plain(device: Found) -> dict[str, object]:
    values: dict[str, object] = {"line": describe(device.line), "unit": device.unit}
    if not device.fits:
        return {**values, "profile": None}
    fit = device.fits[0]
    return {
        **values,
        "profile": fit.profile.name,
        "serial": fit.serial,
        "produced_mwh": fit.reading.produced_mwh,
        "consumed_mwh": fit.reading.consumed_mwh,
        "voltage_mv": fit.reading.voltage_mv,
        "frequency_mhz": fit.reading.frequency_mhz,
        "also_fits": ", ".join(other.profile.name for other in device.fits[1:]) or None,
    }


def _record(file: Path, found: list[Found]) -> None:
    fitting = [device for device in found if device.fits]
    if len(fitting) != 1:
        raise ConfigError(f"--record takes one meter, and {len(fitting)} fit; name one unit")
    (device,) = fitting
    text = golden_case(device.fits[0], f"{device.fits[0].profile.name} at unit {device.unit}")
    try:
        with file.open("x", encoding="utf-8") as target:
            target.write(text)
    except OSError as error:
        raise ConfigError(f"--record {file}: {error.strerror}; choose another path") from error


def _tell(line: str) -> None:
    sys.stderr.write(f"{line} …\n")
