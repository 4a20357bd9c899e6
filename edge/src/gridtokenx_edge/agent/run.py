"""Wiring of the running agent."""

import asyncio
import logging
from contextlib import ExitStack, suppress
from random import SystemRandom
from typing import Final

from gridtokenx_edge.agent.reading_loop import ReadingLoop
from gridtokenx_edge.agent.recorder import Recorder
from gridtokenx_edge.agent.stopping import stop_tasks
from gridtokenx_edge.clock import Clock, ClockWatch, StatusProbe
from gridtokenx_edge.config import AgentConfig, MeterConfig
from gridtokenx_edge.keystore import load_signer
from gridtokenx_edge.logs import event
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.spool import Spool, SpoolThread
from gridtokenx_edge.uplink import Uplink, UplinkTiming

_LOGGER = logging.getLogger(__name__)
ACK_PATIENCE_S: Final = 5.0
"""So long the first reading waits to learn from the hub's ack which sequences are used up."""


async def run_agent(
    config: AgentConfig,
    stop: asyncio.Event,
    clock: Clock,
    probe: StatusProbe,
    timing: UplinkTiming,
) -> None:
    """Read, sign and deliver for all meters until ``stop`` is set.

    Raises:
        EdgeError: Something that a human must put right first: no baseline, no key, a spool
            that is in use.
    """
    buses = BusPool()
    with ExitStack() as cleanup:
        cleanup.callback(buses.close)
        agents = [_prepare(meter, buses, cleanup, clock, probe, timing) for meter in config.meters]
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    task
                    for loop, uplink in agents
                    for task in (
                        tasks.create_task(uplink.run()),
                        tasks.create_task(_read(loop, uplink)),
                    )
                ]
                event(_LOGGER, logging.INFO, "started", meters=len(agents))
                await stop.wait()
                await stop_tasks(running)
        except* Exception as errors:
            raise _first(errors) from errors
    event(_LOGGER, logging.INFO, "stopped")


def _prepare(
    meter: MeterConfig,
    buses: BusPool,
    cleanup: ExitStack,
    clock: Clock,
    probe: StatusProbe,
    timing: UplinkTiming,
) -> tuple[ReadingLoop, Uplink]:
    signer = load_signer(meter.key)
    spool = Spool.open(meter.spool)
    cleanup.callback(spool.close)
    recorder = Recorder(meter, signer, spool, clock)
    thread = SpoolThread()
    cleanup.callback(thread.close)
    uplink = Uplink(meter, spool, thread, clock, SystemRandom(), timing)
    loop = ReadingLoop(
        config=meter,
        device=ModbusDevice(buses.bus(meter.bus), meter.bus, meter.profile, clock),
        recorder=recorder,
        thread=thread,
        clock=clock,
        watch=ClockWatch(probe, clock),
        appended=uplink.wake,
    )
    return loop, uplink


async def _read(loop: ReadingLoop, uplink: Uplink) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(ACK_PATIENCE_S):
            await uplink.ack_known.wait()
    await loop.run()


def _first(errors: BaseException) -> BaseException:
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors
