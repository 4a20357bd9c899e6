"""``gtx-edge run``: the agent itself."""

import argparse
import asyncio
import signal

from gridtokenx_edge.agent import run_agent
from gridtokenx_edge.cli.common import Commands, add_config, clock_probe
from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.config import AgentConfig, check_files, load_config
from gridtokenx_edge.uplink import UplinkTiming


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("run", help="read, sign and deliver until SIGTERM")
    add_config(parser)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    check_files(config)
    asyncio.run(_until_stopped(config))
    return 0


async def _until_stopped(config: AgentConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_agent(config, stop, SYSTEM_CLOCK, clock_probe(config), UplinkTiming())
