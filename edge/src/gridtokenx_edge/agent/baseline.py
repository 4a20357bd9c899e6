"""The baseline: the first record of a meter, from which its ledger starts."""

import asyncio
from typing import Final

from gridtokenx_edge.agent.provisioned import find_checkpoint
from gridtokenx_edge.checkpoint import Checkpoint, checkpoint_path
from gridtokenx_edge.clock import Clock, StatusProbe
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import BaselineRefused, MeterError, ReadingRefused
from gridtokenx_edge.guards import Accepted, IdentityGuard, RegisterGuard
from gridtokenx_edge.meters import Quantity, decode
from gridtokenx_edge.modbus import ModbusDevice
from gridtokenx_edge.records import Composer, Sample, SignedReading
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol.keys import Signer
from gridtokenx_protocol.record import ClockStatus

READS: Final = 3
"""So many readings in a row must agree: none before vouches for the first."""
ATTEMPTS: Final = 3
"""So often the meter is asked before it counts as not answering."""
PAUSE_S: Final = 0.3


async def make_baseline(
    device: ModbusDevice,
    spool: Spool,
    config: MeterConfig,
    signer: Signer,
    clock: Clock,
    probe: StatusProbe,
) -> SignedReading:
    """Read the meter, sign its baseline and write it; the same one again if there is one.

    Raises:
        BaselineRefused: The clock is not synchronised, or the registers are not steady.
        NotProvisioned: There are readings, but their baseline is gone.
        MeterError: The meter gave no usable reply.
        ReadingRefused: Another meter is there, or a value is not a number or out of range.
        SpoolError: It could not be written.
        CheckpointError: The file beside the key cannot be used.
    """
    checkpoint = find_checkpoint(config, signer, spool)
    if checkpoint is not None:
        return checkpoint.baseline
    sample = await steady_sample(device, config, clock, probe)
    baseline, state = Composer(config, signer).baseline(sample)
    spool.append((baseline,), state)
    Checkpoint(baseline).save(checkpoint_path(config.key))
    return baseline


async def steady_sample(
    device: ModbusDevice, config: MeterConfig, clock: Clock, probe: StatusProbe
) -> Sample:
    """Read a meter several times, until the readings vouch for each other.

    Raises:
        BaselineRefused: The clock is not synchronised, or the registers are not steady.
        MeterError: The meter gave no usable reply.
        ReadingRefused: Another meter is there, or a value is not a number or out of range.
    """
    if probe() is not ClockStatus.SYNCHRONISED:
        raise BaselineRefused(
            'the clock is not synchronised; start a time service, or set clock = "trusted" where'
            " the host keeps the time"
        )
    sample: Sample | None = None
    guard: RegisterGuard | None = None
    identity = IdentityGuard(config.serial, device, clock)
    for _ in range(READS):
        time_ms = clock.now_ms()
        registers = await _patient_read(device)
        await identity.check()
        reading = decode(config.profile, registers)
        try:
            if guard is not None:
                guard.check(reading, ClockStatus.SYNCHRONISED)
        except ReadingRefused as error:
            raise BaselineRefused(f"the registers are not steady: {error}; try again") from error
        sample = Sample(reading, time_ms, ClockStatus.SYNCHRONISED)
        accepted = Accepted(time_ms, reading.produced_mwh, reading.consumed_mwh)
        guard = RegisterGuard(config.limits, config.profile.counter_step_mwh, clock, accepted)
        await asyncio.sleep(PAUSE_S)
    if sample is None:
        raise AssertionError("the meter was read")
    return sample


async def _patient_read(device: ModbusDevice) -> dict[Quantity, bytes]:
    for _ in range(ATTEMPTS - 1):
        try:
            return await device.read()
        except MeterError:
            await asyncio.sleep(PAUSE_S)
    return await device.read()
