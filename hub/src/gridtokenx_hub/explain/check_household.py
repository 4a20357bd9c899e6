"""The two steps over a household's own readings: the chain of hashes, and the raw registers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gridtokenx_hub.explain.answer import Household, KeptReading, Previous, Readings
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import Flag, Record

_OF_RECORD = {
    "produced": "produced_mwh",
    "consumed": "consumed_mwh",
    "active_power": "active_power_mw",
    "voltage": "voltage_mv",
    "current": "current_ma",
    "frequency": "frequency_mhz",
}
_WHY = {
    "private": "the readings are the household's",
    "no_longer_kept": "the reading is no longer kept",
    "without_registers": "the reading came without registers, or with ones that cannot be read",
}


@dataclass
class Found:
    """What came of a step."""

    shows: str = ""
    followed: int = 0
    wrong: list[str] = field(default_factory=list)
    left_open: str | None = None


@dataclass
class _Walk:
    """How far down the chain has been followed.

    `hash` is what the reading above names as the hash of the one before it; `lost` are spans that
    readings above declare.
    """

    sequence: int
    hash: bytes
    jumped: bool
    lost: list[list[int]] = field(default_factory=list)
    own: bytes = b""


async def check_chain(
    record: Record, previous: Previous, page: Callable[[int], Awaitable[Readings]]
) -> Found:
    """Follow the hashes from a signed settlement reading down to the one settled before."""
    found = Found()
    walk = _Walk(record.sequence, record.previous_hash, jumped=False)
    below: int | None = record.sequence
    while below is not None:
        readings = await page(below)
        for reading in readings.readings:
            if not _follow(walk, reading, found):
                return found
            found.followed += 1
        below = readings.next_below
    if walk.sequence != previous.sequence:
        found.left_open = f"readings below {walk.sequence} are no longer kept"
    elif walk.own.hex() != previous.record_hash:
        found.wrong.append("the chain does not end at the settlement before")
    return found


def _follow(walk: _Walk, reading: KeptReading, found: Found) -> bool:
    record = Record.decode(bytes.fromhex(reading.record))
    extras = bytes.fromhex(reading.extras) if reading.extras else None
    own = record_hash(record, extras)
    between = range(record.sequence + 1, walk.sequence)
    declared = _is_declared(walk, record.sequence)
    if own != walk.hash and between and not declared:
        found.left_open = f"readings below {walk.sequence} are no longer kept"
        return False
    if own != walk.hash and not between:
        found.wrong.append(f"the chain of hashes breaks at reading {record.sequence}")
        return False
    if between and not declared and not walk.jumped:
        found.wrong.append(f"readings behind {record.sequence} are missing, and nobody signed it")
        return False
    walk.sequence, walk.hash, walk.own = record.sequence, record.previous_hash, own
    walk.jumped = bool(record.flags & Flag.GAP)
    if extras:
        walk.lost += decode_map(extras).get("dropped", [])
    return True


def _is_declared(walk: _Walk, below: int) -> bool:
    """Whether readings above declare every sequence between as lost."""
    following = below + 1
    for first, last in sorted(walk.lost):
        if first <= following <= last:
            following = last + 1
    return following >= walk.sequence


def check_registers(household: Household, record: Record) -> Found:
    """Decode the raw registers again, and compare them with both readings."""
    found = Found(left_open=_WHY.get(household.state))
    if household.reading is None:
        return found
    reading = Record.decode(bytes.fromhex(household.reading.record))
    extras = bytes.fromhex(household.extras) if household.extras else None
    if record_hash(reading, extras) != record.previous_hash:
        found.wrong.append("the reading is not the one that the signed reading names")
    for register in household.registers or ():
        value = getattr(reading, _OF_RECORD[register.quantity])
        if register.value != value:
            found.wrong.append(f"{register.quantity} reads {register.value}, signed was {value}")
    for name in ("produced_mwh", "consumed_mwh"):
        if getattr(reading, name) != getattr(record, name):
            found.wrong.append(f"{name} is not that of the reading before")
    if household.profile is not None:
        found.shows = f"{household.profile.name}: {household.profile.document}"
    return found
