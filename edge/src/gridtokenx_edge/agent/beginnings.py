"""How a chain of records goes on with a new key, or with a new meter.

The reading with which it does is in the spool before anybody hears of it, like every other one:
what breaks off behind that goes on with the same reading.
"""

from dataclasses import replace

from gridtokenx_edge.agent.baseline import steady_sample
from gridtokenx_edge.agent.provisioned import find_checkpoint, first_reading
from gridtokenx_edge.agent.recorder import resume
from gridtokenx_edge.checkpoint import Checkpoint, checkpoint_path
from gridtokenx_edge.clock import Clock, StatusProbe
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import NotProvisioned
from gridtokenx_edge.keystore import KeySource
from gridtokenx_edge.modbus import ModbusDevice
from gridtokenx_edge.records import Composer, SignedReading
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol.keys import Signer


async def begin_key(
    device: ModbusDevice,
    spool: Spool,
    config: MeterConfig,
    signer: Signer,
    key: KeySource,
    new_signer: Signer,
    clock: Clock,
    probe: StatusProbe,
) -> SignedReading:
    """Sign the first reading of a new key, and write it; the same one again if there is one.

    From then on the chain goes on with the new key alone.

    Args:
        device: The meter.
        spool: Its spool.
        config: Its settings, which still name the old key.
        signer: The old key.
        key: Where the new key is.
        new_signer: The new key.
        clock: Tells the time.
        probe: Tells how far it may be trusted.

    Raises:
        BaselineRefused, MeterError, ReadingRefused: As ``make_baseline``.
        NotProvisioned: There is no baseline, or the old key has not signed the last reading.
        SpoolError: It could not be written.
        CheckpointError: A file beside a key cannot be used.
    """
    before = Checkpoint.load(checkpoint_path(config.key), signer)
    first = first_reading(spool, new_signer)
    if first is None:
        before = _begun(config, signer, spool)
        state = resume(spool, before, config)
        sample = await steady_sample(device, config, clock, probe)
        first, state = Composer(config, new_signer).beginning(state, sample, replaced=False)
        spool.append((first,), state)
    earlier = (*(before.earlier if before else ()), signer.public_key)
    Checkpoint(first, earlier=earlier).save(checkpoint_path(key))
    return first


async def begin_meter(
    device: ModbusDevice,
    spool: Spool,
    config: MeterConfig,
    signer: Signer,
    clock: Clock,
    probe: StatusProbe,
) -> SignedReading:
    """Sign the first reading of the meter that was put in another's place, and write it.

    Args:
        device: The new meter.
        spool: The spool, which goes on.
        config: The settings of the new meter.
        signer: The key, which stays.
        clock: Tells the time.
        probe: Tells how far it may be trusted.

    Raises:
        BaselineRefused, MeterError, ReadingRefused: As ``make_baseline``.
        NotProvisioned: There is no baseline.
        SpoolError: It could not be written.
        CheckpointError: The file beside the key cannot be used.
    """
    before = _begun(config, signer, spool)
    state = resume(spool, before, config)
    sample = await steady_sample(device, config, clock, probe)
    first, state = Composer(config, signer).beginning(state, sample, replaced=True)
    spool.append((first,), state)
    replace(before, settlement=first).save(checkpoint_path(config.key))
    return first


def _begun(config: MeterConfig, signer: Signer, spool: Spool) -> Checkpoint:
    checkpoint = find_checkpoint(config, signer, spool)
    if checkpoint is None:
        raise NotProvisioned(f"meter {config.id.hex()} has no baseline: install it first")
    return checkpoint
