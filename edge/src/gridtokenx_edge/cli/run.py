"""``gtx-edge run``: the agent itself."""

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path

from gridtokenx_edge.agent import run_agent
from gridtokenx_edge.cli.common import Commands, add_config, clock_probe
from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.config import AgentConfig, check_files, load_config
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.logs import event
from gridtokenx_edge.supervision import Supervisor
from gridtokenx_edge.uplink import UplinkTiming

_LOGGER = logging.getLogger(__name__)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run", help="read, sign and deliver until SIGTERM; SIGHUP takes over new settings"
    )
    add_config(parser)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    asyncio.run(_Runner(arguments.config).run())
    return 0


class _Runner:
    """Runs the agent with one set of settings after the other."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._next: AgentConfig | None = _load(file)
        self._stop = asyncio.Event()
        self._supervisor = Supervisor.from_environment(os.environ, SYSTEM_CLOCK)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        while (config := self._next) is not None:
            self._next = None
            self._stop.clear()
            await run_agent(
                config,
                self._stop,
                SYSTEM_CLOCK,
                clock_probe(config),
                UplinkTiming(),
                self._supervisor,
            )

    def _end(self) -> None:
        self._next = None
        self._supervisor.stopping()
        self._stop.set()

    def _reload(self) -> None:
        """Take over the settings, unless they are wrong: then the old ones stay."""
        self._supervisor.reloading()
        try:
            self._next = _load(self._file)
        except ConfigError as error:
            event(_LOGGER, logging.ERROR, "settings_refused", message=str(error))
            self._supervisor.ready()
            return
        event(_LOGGER, logging.INFO, "settings_taken_over")
        self._stop.set()


def _load(file: Path) -> AgentConfig:
    config = load_config(file)
    check_files(config)
    return config
