"""A new signing key takes the old one's place."""

import asyncio
import re
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Final

from gridtokenx_edge.agent.beginnings import begin_key
from gridtokenx_edge.agent.provisioned import first_reading
from gridtokenx_edge.checkpoint import checkpoint_path
from gridtokenx_edge.cli.common import clock_probe, describe_key
from gridtokenx_edge.keystore import create_signing_key, load_signer
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.records import SignedReading
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.keys import Signer, key_id
from gridtokenx_provisioning.change import Change, encoded, registers
from gridtokenx_provisioning.delivery import deliver
from gridtokenx_provisioning.errors import HubRefused, InvalidArgument
from gridtokenx_provisioning.settings import read_settings, write_settings

TOO_OLD: Final = "TimeOutOfRange"
"""The chain takes a new key's first reading for a day: a code may be good for longer."""


def rotate_key(change: Change) -> dict[str, Any]:
    """Draw a new key, have the old one hand over to it, and put it in force.

    Its first reading is in the spool before the hub hears of it, and from then on the settings
    name the new key: the old one signs no reading any more, but what it signed is delivered.

    Returns:
        What the sheet says.

    Raises:
        ProvisioningError, EdgeError: A step failed; what came before it is kept.
    """
    old_path, new_path = _paths(change)
    done = change.done
    if done is None:
        change.refuse_running_agent()
        old, new = load_signer(old_path), _new_signer(change, new_path)
        suspended = change.claim(new, change.serial)["suspended"]
        keys = _Keys(old_path, old, new_path, new)
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
    for path in (old_path, checkpoint_path(old_path)):
        path.unlink(missing_ok=True)
    return done


@dataclass(frozen=True, slots=True)
class _Keys:
    """The key in force, and the one that follows it."""

    old_path: Path
    old: Signer
    new_path: Path
    new: Signer


def _paths(change: Change) -> tuple[Path, Path]:
    """Where the old key is, and where the new one is or will be."""
    if "key" not in change.progress:
        old = change.meter.key
        if not isinstance(old, Path):
            raise InvalidArgument(
                f"{old} is a key in a token, which this command cannot replace; install the meter"
                " anew with another key"
            )
        change.progress.save("key", {"old": str(old), "new": str(_free_path(old))})
    key = change.progress["key"]
    return Path(key["old"]), Path(key["new"])


def _free_path(old: Path) -> Path:
    base = re.sub(r"-\d+$", "", old.stem)
    names = (old.with_name(f"{base}-{number}{old.suffix}") for number in count(2))
    return next(path for path in names if not path.exists())


def _new_signer(change: Change, path: Path) -> Signer:
    if path.exists():
        return load_signer(path)
    old = load_signer(Path(change.progress["key"]["old"]))
    signer = create_signing_key(path, old.algorithm)
    change.say(f"key: made, {describe_key(signer)['key_id']}")
    return signer


async def _first_reading(change: Change, keys: _Keys, *, suspended: bool) -> SignedReading:
    config = replace(change.meter, key=keys.old_path)
    buses = BusPool()
    spool = Spool.open(config.spool)
    try:
        if first_reading(spool, keys.new) is None and (
            suspended or _waits_for_an_earlier_key(spool, keys.old)
        ):
            change.say("delivery: what only the key in force can bring goes to the hub")
            await deliver(config, keys.old, spool, change.clock, change.order.patience_s)
        device = ModbusDevice(buses.bus(config.bus), config.bus, config.profile, change.clock)
        first = await begin_key(
            *(device, spool, config, keys.old, keys.new_path, keys.new),
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
    settings["meter"][0]["key"] = str(keys.new_path)
    write_settings(change.site.config, settings)
    change.say(f"settings: {change.site.config} names {keys.new_path.name}")
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
