"""A new signing key takes the old one's place."""

import asyncio
import re
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from gridtokenx_edge.agent.beginnings import begin_key
from gridtokenx_edge.checkpoint import checkpoint_path
from gridtokenx_edge.cli.common import clock_probe, describe_key
from gridtokenx_edge.keystore import create_signing_key, load_signer
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.records import SignedReading
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.cose import sign
from gridtokenx_protocol.keys import Signer
from gridtokenx_provisioning.change import Change, encoded, registers
from gridtokenx_provisioning.errors import InvalidArgument
from gridtokenx_provisioning.settings import read_settings, write_settings


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
        change.claim(new, change.serial)
        first = asyncio.run(_first_reading(change, old_path, old, new_path, new))
        _switch(change, new_path)
        body = {"reading": encoded(first.message), "handover": _handover(change, old, new)}
        change.act("rotation", body)
        change.see_live(after=first.record.sequence)
        done = change.close(new, registers(first))
    for path in (old_path, checkpoint_path(old_path)):
        path.unlink(missing_ok=True)
    return done


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


async def _first_reading(
    change: Change, old_path: Path, old: Signer, new_path: Path, new: Signer
) -> SignedReading:
    config = replace(change.meter, key=old_path)
    buses = BusPool()
    spool = Spool.open(config.spool)
    try:
        device = ModbusDevice(buses.bus(config.bus), config.bus, config.profile, change.clock)
        first = await begin_key(
            device, spool, config, old, new_path, new, change.clock, clock_probe(change.config)
        )
    finally:
        spool.close()
        buses.close()
    change.say(f"reading: {first.record.sequence} is the first of the new key")
    return first


def _switch(change: Change, new_path: Path) -> None:
    settings = read_settings(change.site.config)
    settings["meter"][0]["key"] = str(new_path)
    write_settings(change.site.config, settings)
    change.say(f"settings: {change.site.config} names {new_path.name}")


def _handover(change: Change, old: Signer, new: Signer) -> str:
    content = {
        1: change.meter.deployment,
        2: change.meter.id,
        3: change.clock.now_ms(),
        4: new.public_key,
    }
    return encoded(sign(encode_map(content), old))
