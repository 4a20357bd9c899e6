"""Wiring of the running agent."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from random import SystemRandom
from typing import Final

from gridtokenx_edge.agent.meter_agent import MeterAgent
from gridtokenx_edge.agent.reading_loop import ReadingLoop
from gridtokenx_edge.agent.recorder import Recorder
from gridtokenx_edge.agent.stopping import stop_tasks
from gridtokenx_edge.clock import Clock, ClockWatch, StatusProbe
from gridtokenx_edge.config import AgentConfig, MeterConfig
from gridtokenx_edge.health import prometheus_text, serve_figures
from gridtokenx_edge.keystore import load_signer
from gridtokenx_edge.logs import event
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.spool import Spool, SpoolThread
from gridtokenx_edge.supervision import Supervisor
from gridtokenx_edge.uplink import Uplink, UplinkTiming
from gridtokenx_edge.uplink.presence import AGENT_VERSION

_LOGGER = logging.getLogger(__name__)
ACK_PATIENCE_S: Final = 5.0
"""So long the first reading waits to learn from the hub's ack which sequences are used up."""


async def run_agent(
    config: AgentConfig,
    stop: asyncio.Event,
    clock: Clock,
    probe: StatusProbe,
    timing: UplinkTiming,
    supervisor: Supervisor,
) -> None:
    """Read, sign and deliver for all meters until ``stop`` is set.

    Raises:
        EdgeError: Something that a human must put right first: no baseline, no key, a spool
            that is in use.
    """
    buses = BusPool()
    async with AsyncExitStack() as cleanup:
        cleanup.callback(buses.close)
        agents = [_prepare(meter, buses, cleanup, clock, probe, timing) for meter in config.meters]
        if config.health_port is not None:
            page = serve_figures(config.health_port, lambda: _page(agents))
            await cleanup.enter_async_context(page)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(agent.uplink.run()) for agent in agents]
                running += [tasks.create_task(_read(agent)) for agent in agents]
                running.append(tasks.create_task(supervisor.watch(lambda: _are_alive(agents))))
                event(_LOGGER, logging.INFO, "started", meters=len(agents))
                supervisor.ready()
                await stop.wait()
                await stop_tasks(running)
        except* Exception as errors:
            raise _first(errors) from errors
    event(_LOGGER, logging.INFO, "stopped")


def _prepare(
    meter: MeterConfig,
    buses: BusPool,
    cleanup: AsyncExitStack,
    clock: Clock,
    probe: StatusProbe,
    timing: UplinkTiming,
) -> MeterAgent:
    signer = load_signer(meter.key)
    spool = Spool.open(meter.spool)
    cleanup.callback(spool.close)
    recorder = Recorder(meter, signer, spool, clock)
    thread = SpoolThread()
    cleanup.callback(thread.close)
    loop = ReadingLoop(
        config=meter,
        device=ModbusDevice(buses.bus(meter.bus), meter.bus, meter.profile, clock),
        recorder=recorder,
        thread=thread,
        clock=clock,
        watch=ClockWatch(probe, clock),
    )
    uplink = Uplink(
        meter, spool, thread, signer, clock, SystemRandom(), timing, read_now=loop.read_now
    )
    loop.appended = uplink.wake
    return MeterAgent(meter, loop, uplink, spool, thread, clock)


async def _read(agent: MeterAgent) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(ACK_PATIENCE_S):
            await agent.uplink.ack_known.wait()
    await agent.loop.run()


async def _page(agents: Sequence[MeterAgent]) -> str:
    return prometheus_text(AGENT_VERSION, [await agent.figures() for agent in agents])


def _are_alive(agents: Sequence[MeterAgent]) -> bool:
    return all(agent.is_alive() for agent in agents)


def _first(errors: BaseException) -> BaseException:
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors
