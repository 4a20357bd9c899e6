"""A new signing key takes the old one's place."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from gridtokenx_edge.agent.beginnings import begin_key
from gridtokenx_edge.agent.provisioned import first_reading
from gridtokenx_edge.cli.common import clock_probe
from gridtokenx_edge.keystore import KeySource, load_signer
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.records import SignedReading
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.keys import Signer, key_id
from gridtokenx_provisioning.change import Change, encoded, registers
from gridtokenx_provisioning.delivery import deliver
from gridtokenx_provisioning.errors import HubRefused
from gridtokenx_provisioning.settings import read_settings, write_settings
from gridtokenx_provisioning.signing_key import find_or_make, let_go, next_key, read, written

TOO_OLD: Final = "TimeOutOfRange"
"""The chain takes a new key's first reading for a day: a code may be good for longer."""


def rotate_key(change: Change, *, destroy_old: bool = False) -> dict[str, Any]:
    """Draw a new key, have the old one hand over to it, and put it in force.

    Its first reading is in the spool before the hub hears of it, and from then on the settings
    name the new key: the old one signs no reading any more, but what it signed is delivered.

    Args:
        change: The change, taken up where it stands.
        destroy_old: Whether the token deletes the old key; one in a file is always deleted.

    Returns:
        What the sheet says.

    Raises:
        ProvisioningError, EdgeError: A step failed; what came before it is kept.
    """
    old_place, new_place = _places(change)
    done = change.done
    if done is None:
        change.refuse_running_agent()
        old = load_signer(old_place)
        new = find_or_make(
            *(new_place, old.algorithm, change.say),
            claimed="claim" in change.progress,
            old=old_place,
        )
        suspended = change.claim(new, change.serial)["suspended"]
        keys = _Keys(old_place, old, new_place, new)
        first = asyncio.run(_first_reading(change, keys, suspended=suspended))
        try:
            _rotate(change, keys, first)
        except HubRefused as refused:
            if refused.error != TOO_OLD:
                raise
            change.say("reading: the first of the new key is too old for the chain; another one")
            _let_go(change, first)
            first = asyncio.run(_first_reading(change, keys, suspended=suspended))
            _rotate(change, keys, first)
        change.see_live(after=first.record.sequence)
        done = change.close(new, registers(first))
    let_go(old_place, change.say, destroy=destroy_old)
    return done


@dataclass(frozen=True, slots=True)
class _Keys:
    """The key in force, and the one that follows it."""

    old_place: KeySource
    old: Signer
    new_place: KeySource
    new: Signer


def _places(change: Change) -> tuple[KeySource, KeySource]:
    """Where the old key is, and where the new one is or will be."""
    now = change.meter.key
    if "key" not in change.progress:
        change.progress.save("key", {"old": written(now), "new": written(next_key(now))})
    key = change.progress["key"]
    pin = change.site.pin if isinstance(now, Path) else now.pin
    return read(key["old"], pin), read(key["new"], pin)


async def _first_reading(change: Change, keys: _Keys, *, suspended: bool) -> SignedReading:
    config = replace(change.meter, key=keys.old_place)
    buses = BusPool()
    spool = Spool.open(config.spool)
    try:
        if first_reading(spool, keys.new) is None and (
            suspended or _waits_for_an_earlier_key(spool, keys.old)
        ):
            change.say("delivery: what only the key in force can bring goes to the hub")
            await deliver(config, keys.old, spool, change.clock, change.order.patience_s)
        change.progress.save("first", {"key_id": key_id(keys.new.public_key).hex()})
        device = ModbusDevice(buses.bus(config.bus), config.bus, config.profile, change.clock)
        first = await begin_key(
            *(device, spool, config, keys.old, keys.new_place, keys.new),
            *(change.clock, clock_probe(change.config)),
        )
    finally:
        spool.close()
        buses.close()
    change.say(f"reading: {first.record.sequence} is the first of the new key")
    return first


def _waits_for_an_earlier_key(spool: Spool, old: Signer) -> bool:
    """The hub takes readings of the key before the one in force, and of none before that."""
    waiting = spool.pending(0, 1)
    return bool(waiting) and cose.decode(waiting[0].message).kid != key_id(old.public_key)


def _rotate(change: Change, keys: _Keys, first: SignedReading) -> None:
    settings = read_settings(change.site.config)
    settings["meter"][0]["key"] = written(keys.new_place)
    write_settings(change.site.config, settings)
    change.say(f"settings: {change.site.config} names {keys.new_place}")
    content = {
        1: change.meter.deployment,
        2: change.meter.id,
        3: change.clock.now_ms(),
        4: keys.new.public_key,
    }
    handover = cose.sign(encode_map(content), keys.old)
    change.act("rotation", {"reading": encoded(first.message), "handover": encoded(handover)})


def _let_go(change: Change, first: SignedReading) -> None:
    """What the new key signed is nothing while it is not in force, and would never be taken."""
    spool = Spool.open(change.meter.spool)
    try:
        spool.let_go(first.record.sequence)
    finally:
        spool.close()
