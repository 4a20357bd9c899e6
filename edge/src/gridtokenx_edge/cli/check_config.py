"""``gtx-edge check-config``: validate the settings, then try everything that they name."""

import argparse
import asyncio

from gridtokenx_edge.cli.checks import Check, check_files_of, check_parts_of
from gridtokenx_edge.cli.common import Commands, add_config, clock_probe, print_json, print_text
from gridtokenx_edge.config import AgentConfig, load_config


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check-config", help="check the settings, and try key, clock, port, meter and broker"
    )
    add_config(parser)
    parser.add_argument("--offline", action="store_true", help="settings and files only")
    parser.add_argument("--json", action="store_true", help="JSON instead of lines")
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    checks = asyncio.run(_checks(config, offline=arguments.offline))
    ok = all(check.problem is None for found in checks.values() for check in found)
    if arguments.json:
        print_json({"ok": ok, "meters": {meter: _plain(found) for meter, found in checks.items()}})
    else:
        print_text("".join(_line(m, check) for m, found in checks.items() for check in found))
    return 0 if ok else 1


async def _checks(config: AgentConfig, *, offline: bool) -> dict[str, list[Check]]:
    checks = {}
    for meter in config.meters:
        found = check_files_of(config, meter)
        if not offline:
            found += await check_parts_of(meter, clock_probe(config))
        checks[meter.id.hex()] = found
    return checks


def _plain(checks: list[Check]) -> list[dict[str, object]]:
    return [
        {"check": check.name, "ok": check.problem is None, "message": check.problem or check.result}
        for check in checks
    ]


def _line(meter: str, check: Check) -> str:
    word = "ok" if check.problem is None else "FAILED"
    return f"{word:<6} {meter[:8]} {check.name}: {check.problem or check.result}\n"
