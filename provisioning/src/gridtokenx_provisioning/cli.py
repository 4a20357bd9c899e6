"""``gtx-provision``."""

import argparse
import asyncio
import json
import os
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.errors import EdgeError
from gridtokenx_provisioning.arguments import make_parser
from gridtokenx_provisioning.change import VERBS, Change, Order
from gridtokenx_provisioning.decommission import decommission
from gridtokenx_provisioning.errors import FolderError, InvalidArgument, ProvisioningError
from gridtokenx_provisioning.files import make_folder, write_file
from gridtokenx_provisioning.hub import Hub
from gridtokenx_provisioning.install import Installation, InstallOrder
from gridtokenx_provisioning.live import wait_for_reading
from gridtokenx_provisioning.progress import Progress
from gridtokenx_provisioning.renew import renew
from gridtokenx_provisioning.replace_meter import NewMeter, read_finally, replace_meter
from gridtokenx_provisioning.rotate_key import rotate_key
from gridtokenx_provisioning.sheet import make_sheet
from gridtokenx_provisioning.site import MeterAccess, Site
from gridtokenx_provisioning.transfer import transfer

BASELINE_SEQUENCE: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0 when it did its work, 1 when not: the reason is on standard error in one line.
    """
    parsed = make_parser().parse_args(arguments)
    os.umask(0o077)  # what the agent's own code writes is nobody else's business either
    try:
        site = Site(parsed.folder.absolute(), parsed.state.absolute())
        result = _COMMANDS[parsed.command](parsed, site)
    except (ProvisioningError, EdgeError) as error:
        name = error.name if isinstance(error, ProvisioningError) else type(error).__name__
        result = {"error": name, "detail": str(error)}
        _say(f"gtx-provision: {name}: {error}")
    except KeyboardInterrupt:
        return 130
    if parsed.json:
        sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return 1 if "error" in result else 0


def _install(arguments: argparse.Namespace, site: Site) -> dict[str, Any]:
    hub = Hub(arguments.hub)
    code = _code(arguments)
    bus = _bus(arguments)
    if bus is None:
        raise AssertionError("the parser demands a bus")
    make_folder(site.folder)
    make_folder(site.state)
    progress = Progress(site.folder)
    access = MeterAccess(arguments.profile, bus, arguments.clock)
    order = InstallOrder(code, access, arguments.serial, arguments.owner_signed, arguments.pkcs11)
    installation = Installation(hub, site, order, progress, SYSTEM_CLOCK, _say)
    installation.register()
    meter_id = progress["claim"]["meter_id"]
    if arguments.wait is not None and "live" not in progress:
        _say(f"live: waiting for a reading, at most {arguments.wait} s")
        wait_s, clock = arguments.wait, SYSTEM_CLOCK
        reading = asyncio.run(
            wait_for_reading(hub, code, meter_id, site.config, wait_s, clock, BASELINE_SEQUENCE)
        )
        progress.save("live", reading)
        _say(f"live: the hub has reading {reading['sequence']}")
    facts = installation.hand_over()
    return {**_with_sheet(site, "commissioning", facts), "config": str(site.config)}


def _rotate_key(arguments: argparse.Namespace, site: Site) -> dict[str, Any]:
    change = _change(arguments, site, "rotate_key")
    facts = rotate_key(change, destroy_old=arguments.destroy_old_key)
    return _with_sheet(site, "rotate-key", facts)


def _replace_meter(arguments: argparse.Namespace, site: Site) -> dict[str, Any]:
    change = _change(arguments, site, "replace_meter")
    if not arguments.exchanged and change.done is None:
        return read_finally(change)
    new = NewMeter(arguments.profile, _bus(arguments), arguments.serial)
    return _with_sheet(site, "replace-meter", replace_meter(change, new))


def _transfer(arguments: argparse.Namespace, site: Site) -> dict[str, Any]:
    return _with_sheet(site, "transfer", transfer(_change(arguments, site, "transfer")))


def _decommission(arguments: argparse.Namespace, site: Site) -> dict[str, Any]:
    return _with_sheet(site, "decommission", decommission(_change(arguments, site, "revoke")))


def _change(arguments: argparse.Namespace, site: Site, purpose: str) -> Change:
    order = Order(_code(arguments), arguments.owner_signed, arguments.wait)
    return Change(_hub(arguments, site), site, purpose, order, SYSTEM_CLOCK, _say)


def _renew(arguments: argparse.Namespace, site: Site) -> dict[str, Any]:
    result = renew(_hub(arguments, site), site, SYSTEM_CLOCK, now=arguments.now)
    done = "renewed" if result["renewed"] else "nothing to do"
    _say(f"certificate: {done}, ends {result['expires_at']}")
    return result


def _hub(arguments: argparse.Namespace, site: Site) -> Hub:
    if arguments.hub is not None:
        return Hub(arguments.hub)
    progress = Progress(site.folder)
    if "claim" not in progress:
        raise FolderError(f"{site.folder} holds no installation; say --folder, or --hub")
    return Hub(progress["claim"]["hub"])


def _code(arguments: argparse.Namespace) -> str:
    if arguments.wait is not None and arguments.wait < 1:
        raise InvalidArgument("--wait: write how many seconds, at least 1")
    code: str = arguments.code
    return sys.stdin.readline().strip() if code == "-" else code


def _bus(arguments: argparse.Namespace) -> dict[str, Any] | None:
    given = {"port": arguments.bus_port, "unit": arguments.bus_unit}
    if arguments.bus_host is not None:
        place = {"host": arguments.bus_host, "port": 502, "unit": 1}
        return place | {name: value for name, value in given.items() if value is not None}
    if any(value is not None for value in given.values()):
        raise InvalidArgument("--bus-port and --bus-unit go with --bus-host; in a file, write them")
    if arguments.bus_file is None:
        return None
    try:
        return tomllib.loads(arguments.bus_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"--bus-file {arguments.bus_file}: {error}; correct it") from error


def _with_sheet(site: Site, kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    sheet = site.folder / f"{kind}-{facts['meter_id']}.html"
    write_file(sheet, make_sheet(kind, facts))
    _say(f"sheet: {sheet}")
    return {**facts, "sheet": str(sheet)}


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


_COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace, Site], dict[str, Any]]]] = {
    "install": _install,
    VERBS["rotate_key"]: _rotate_key,
    VERBS["replace_meter"]: _replace_meter,
    VERBS["transfer"]: _transfer,
    VERBS["revoke"]: _decommission,
    "renew": _renew,
}
