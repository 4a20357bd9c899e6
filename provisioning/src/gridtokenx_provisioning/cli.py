"""``gtx-provision``."""

import argparse
import asyncio
import json
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.errors import EdgeError
from gridtokenx_provisioning.errors import FolderError, InvalidArgument, ProvisioningError
from gridtokenx_provisioning.files import make_folder, write_file
from gridtokenx_provisioning.hub import Hub
from gridtokenx_provisioning.install import Installation, Order
from gridtokenx_provisioning.live import wait_for_reading
from gridtokenx_provisioning.progress import Progress
from gridtokenx_provisioning.renew import renew
from gridtokenx_provisioning.sheet import make_sheet
from gridtokenx_provisioning.site import MeterAccess, Site


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0 when it did its work, 1 when not: the reason is on standard error in one line.
    """
    parsed = _parser().parse_args(arguments)
    os.umask(0o077)  # what the agent's own code writes is nobody else's business either
    try:
        result = parsed.command(parsed, Site(parsed.folder, parsed.state))
    except (ProvisioningError, EdgeError) as error:
        name = error.name if isinstance(error, ProvisioningError) else type(error).__name__
        result = {"error": name, "detail": str(error)}
        _say(f"gtx-provision: {name}: {error}")
    except KeyboardInterrupt:
        return 130
    if parsed.json:
        sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return 1 if "error" in result else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gtx-provision", description="What an installer runs on the device beside the meter."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    install = commands.add_parser("install", help="from a code to a meter that delivers")
    install.add_argument("--hub", required=True, metavar="URL", help="address of the hub")
    install.add_argument("--code", required=True, help="from the operator; - reads a line of input")
    install.add_argument("--profile", required=True, help="the meter's model, or a path in .toml")
    bus = install.add_mutually_exclusive_group(required=True)
    bus.add_argument("--bus-host", help="the meter or its gateway (Modbus TCP)")
    bus.add_argument("--bus-file", type=Path, help="the keys of [meter.bus], for other buses")
    install.add_argument("--bus-port", type=int, default=502)
    install.add_argument("--bus-unit", type=int, default=1)
    install.add_argument("--serial", help="serial number on the meter's plate")
    install.add_argument("--clock", choices=("system", "trusted"), default="system")
    install.add_argument("--owner-signed", type=Path, metavar="FILE")
    install.add_argument(
        "--wait", type=int, metavar="S", help="run until the hub has a reading, for S seconds"
    )
    install.set_defaults(command=_install)
    again = commands.add_parser("renew", help="renew the certificate when its end is near")
    again.add_argument("--hub", metavar="URL", help="when it is not that of the installation")
    again.add_argument("--now", action="store_true", help="whenever it ends")
    again.set_defaults(command=_renew)
    for command in (install, again):
        command.add_argument("--folder", type=Path, default=Path("/etc/gridtokenx"))
        command.add_argument("--state", type=Path, default=Path("/var/lib/gridtokenx"))
        command.add_argument("--json", action="store_true", help="the result on standard output")
    return parser


def _install(arguments: argparse.Namespace, site: Site) -> dict[str, Any]:
    hub = Hub(arguments.hub)
    code = sys.stdin.readline().strip() if arguments.code == "-" else arguments.code
    if arguments.wait is not None and arguments.wait < 1:
        raise InvalidArgument("--wait: write how many seconds, at least 1")
    access = MeterAccess(arguments.profile, _bus(arguments), arguments.clock)
    site = Site(site.folder.absolute(), site.state.absolute())
    make_folder(site.folder)
    make_folder(site.state)
    progress = Progress(site.folder)
    order = Order(code, access, arguments.serial, arguments.owner_signed)
    installation = Installation(hub, site, order, progress, SYSTEM_CLOCK, _say)
    installation.register()
    meter_id = progress["claim"]["meter_id"]
    if arguments.wait is not None and "live" not in progress:
        _say(f"live: waiting for a reading, at most {arguments.wait} s")
        reading = asyncio.run(
            wait_for_reading(hub, code, meter_id, site.config, arguments.wait, SYSTEM_CLOCK)
        )
        progress.save("live", reading)
        _say(f"live: the hub has reading {reading['sequence']}")
    facts = installation.hand_over()
    sheet = site.folder / f"commissioning-{meter_id}.html"
    write_file(sheet, make_sheet(facts))
    _say(f"sheet: {sheet}")
    return {**facts, "config": str(site.config), "sheet": str(sheet)}


def _bus(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.bus_file is None:
        place = {"host": arguments.bus_host, "port": arguments.bus_port}
        return {"kind": "tcp", **place, "unit": arguments.bus_unit}
    try:
        return tomllib.loads(arguments.bus_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"--bus-file {arguments.bus_file}: {error}; correct it") from error


def _renew(arguments: argparse.Namespace, site: Site) -> dict[str, Any]:
    progress = Progress(site.folder)
    if arguments.hub is None and "claim" not in progress:
        raise FolderError(f"{site.folder} holds no installation; say --folder, or --hub")
    hub = Hub(arguments.hub or progress["claim"]["hub"])
    result = renew(hub, site, SYSTEM_CLOCK, now=arguments.now)
    done = "renewed" if result["renewed"] else "nothing to do"
    _say(f"certificate: {done}, ends {result['expires_at']}")
    return result


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
