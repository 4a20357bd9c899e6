"""Waiting until the hub has seen the meter live."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from gridtokenx_edge.agent import run_agent
from gridtokenx_edge.cli.common import clock_probe
from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config import AgentConfig, check_files, load_config
from gridtokenx_edge.errors import SpoolError
from gridtokenx_edge.supervision import Supervisor
from gridtokenx_edge.uplink import UplinkTiming
from gridtokenx_provisioning.errors import NoLiveReading
from gridtokenx_provisioning.hub import Hub

PAUSE_S: Final = 1


async def wait_for_reading(
    hub: Hub, code: str, meter_id: str, file: Path, wait_s: int, clock: Clock, after: int
) -> dict[str, Any]:
    """Wait for a reading behind a sequence; the agent runs in here for that long.

    Returns:
        The reading, as the hub has stored it.

    Raises:
        NoLiveReading: None came in time.
        ProvisioningError: The hub refused or does not answer.
        EdgeError: Settings, keys or files cannot be used.
    """
    config = load_config(file)
    check_files(config)
    deadline_ms = clock.monotonic_ms() + wait_s * 1000
    async with running_agent(config, clock):
        while clock.monotonic_ms() < deadline_ms:
            status = await asyncio.to_thread(hub.get, f"/claims/{meter_id}", code)
            reading: dict[str, Any] | None = status["last_reading"]
            if reading is not None and reading["sequence"] > after:
                return reading
            await asyncio.sleep(PAUSE_S)
    raise NoLiveReading(
        f"the hub has seen no reading within {wait_s} s; look at what this says:"
        f" gtx-edge run --config {file}"
    )


@asynccontextmanager
async def running_agent(config: AgentConfig, clock: Clock) -> AsyncIterator[None]:
    """An agent of our own, unless one runs; it ends with this process, however that ends."""
    stop = asyncio.Event()
    agent = asyncio.create_task(_run(config, stop, clock))
    try:
        yield
    finally:
        stop.set()
        await agent


async def _run(config: AgentConfig, stop: asyncio.Event, clock: Clock) -> None:
    try:
        await run_agent(
            config,
            stop,
            clock,
            clock_probe(config),
            UplinkTiming(),
            Supervisor.from_environment({}, clock),
        )
    except SpoolError:
        return  # another agent has the spool: that one delivers
