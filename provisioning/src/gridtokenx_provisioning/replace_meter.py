"""Another meter is put in the place of the one that was registered."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridtokenx_edge.agent.beginnings import begin_meter
from gridtokenx_edge.checkpoint import open_signed
from gridtokenx_edge.cli.common import clock_probe
from gridtokenx_edge.config import MeterConfig, load_config
from gridtokenx_edge.errors import NotProvisioned
from gridtokenx_edge.keystore import load_signer
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.records import ChainState, SignedReading
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol.keys import Signer
from gridtokenx_protocol.record import Flag
from gridtokenx_provisioning.change import Change, encoded, registers
from gridtokenx_provisioning.delivery import deliver
from gridtokenx_provisioning.errors import MeterNotExchanged, NoLiveReading
from gridtokenx_provisioning.live import wait_for_reading
from gridtokenx_provisioning.meter import find_serial, tells_serial
from gridtokenx_provisioning.settings import read_settings, write_settings
from gridtokenx_provisioning.site import MeterAccess


@dataclass(frozen=True, slots=True)
class NewMeter:
    """What is different with the new meter; None leaves it as it is.

    Attributes:
        profile: Its model.
        bus: As in the agent's settings.
        serial: On its plate.
    """

    profile: str | None
    bus: dict[str, Any] | None
    serial: str | None


def read_finally(change: Change) -> dict[str, Any]:
    """Have the old meter's last registers signed and delivered, before it is taken out.

    Returns:
        Its registers.

    Raises:
        ProvisioningError, EdgeError: It cannot be read, or the hub does not get them.
    """
    change.refuse_running_agent()
    meter_id = change.meter.id.hex()
    change.hub.get(f"/claims/{meter_id}", change.order.code)  # is the code good?
    wait_s = change.order.patience_s
    change.say(f"final: the old meter is read, at most {wait_s} s")
    try:
        asyncio.run(
            wait_for_reading(
                *(change.hub, change.order.code, meter_id, change.site.config, wait_s),
                *(change.clock, _state(change).last_sequence),
            )
        )
    except NoLiveReading as error:
        raise NoLiveReading(
            f"{error}; if the old meter is dead, exchange it and run this with --exchanged"
        ) from error
    last = _state(change).accepted
    facts = {
        "serial": change.serial,
        "time_ms": last.time_ms,
        "produced_mwh": last.produced_mwh,
        "consumed_mwh": last.consumed_mwh,
    }
    change.progress.save("before", facts)
    change.say("final: signed; exchange the meter, then run the same command with --exchanged")
    return facts


def _state(change: Change) -> ChainState:
    spool = Spool.open(change.meter.spool)
    try:
        if spool.state is None:
            raise NotProvisioned(f"meter {change.meter.id.hex()} has no baseline: install it first")
        return spool.state
    finally:
        spool.close()


def replace_meter(change: Change, new: NewMeter) -> dict[str, Any]:
    """Go on with the meter that is there now.

    All that the old one's readings say is on chain before the ledger moves to the new registers,
    as the chain takes none of them afterwards.

    Returns:
        What the sheet says.

    Raises:
        MeterNotExchanged: The old meter is still there.
        ProvisioningError, EdgeError: A step failed; what came before it is kept.
    """
    if change.done is not None:
        return change.done
    change.refuse_running_agent()
    signer = load_signer(change.meter.key)
    serial, config = _new_settings(change, new)
    change.claim(signer, serial)
    first = asyncio.run(_go_on(change, config, signer))
    change.see_live(after=first.record.sequence)
    if "claim" in change.installation:
        claim = change.installation["claim"] | {"serial": serial}
        change.installation.save("claim", claim)
    before = {"before": change.progress["before"]} if "before" in change.progress else {}
    return change.close(signer, {**registers(first), **before, "serial": serial})


def _new_settings(change: Change, new: NewMeter) -> tuple[str, Path]:
    """The serial number of the meter that is there, and the settings for it, not in force yet."""
    settings = read_settings(change.site.config)
    meter = settings["meter"][0]
    access = MeterAccess(
        new.profile or meter["profile"], new.bus or meter["bus"], settings.get("clock", "system")
    )
    serial = find_serial(access, change.site.folder, new.serial)
    if serial == change.serial and "first" not in change.progress:
        raise MeterNotExchanged(
            f"the meter with serial number {serial} is still there: exchange it first, or give the"
            " bus of the new one"
        )
    meter |= {"profile": access.profile, "bus": access.bus, "serial": serial}
    if not tells_serial(access, change.site.folder):
        del meter["serial"]
    file = change.site.folder / "edge.toml.next"
    write_settings(file, settings)
    return serial, file


async def _go_on(change: Change, next_settings: Path, signer: Signer) -> SignedReading:
    """Sign the new meter's first reading, and move the ledger to it; no agent runs meanwhile."""
    (meter,) = load_config(next_settings).meters
    spool = Spool.open(meter.spool)
    try:
        first = _signed_before(change, spool, signer)
        if first is None:
            change.say("delivery: what the old meter's readings say goes to the hub")
            await deliver(change.meter, signer, spool, change.clock, change.order.patience_s)
            first = await _first_reading(change, spool, meter, signer)
        _put_in_force(change, next_settings)
        await asyncio.to_thread(change.act, "replacement", {"reading": encoded(first.message)})
    finally:
        spool.close()
    return first


def _put_in_force(change: Change, next_settings: Path) -> None:
    next_settings.replace(change.site.config)
    change.say(f"settings: {change.site.config} is of the new meter")


def _signed_before(change: Change, spool: Spool, signer: Signer) -> SignedReading | None:
    """The new meter's first reading, if it was signed before a break."""
    if "first" not in change.progress:
        return None
    message = spool.message(change.progress["first"]["after"] + 1)
    if message is None:
        return None
    reading = open_signed(message, signer)
    return reading if reading.record.flags & Flag.REGISTER_REPLACED else None


async def _first_reading(
    change: Change, spool: Spool, meter: MeterConfig, signer: Signer
) -> SignedReading:
    if spool.state is None:
        raise NotProvisioned(f"meter {meter.id.hex()} has no baseline: install it first")
    change.progress.save("first", {"after": spool.state.last_sequence})
    buses = BusPool()
    try:
        device = ModbusDevice(buses.bus(meter.bus), meter.bus, meter.profile, change.clock)
        first = await begin_meter(
            device, spool, meter, signer, change.clock, clock_probe(change.config)
        )
    finally:
        buses.close()
    change.say(f"reading: {first.record.sequence} is the first of the new meter")
    return first
