"""Which profile fits the meter that answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from gridtokenx_edge.errors import MeterReplyError, ReadingRefused
from gridtokenx_edge.meters import (
    Block,
    MeterReading,
    Profile,
    Quantity,
    cut_registers,
    decode,
    decode_identity,
    identity_block,
    locate,
    plan_blocks,
)

Read = Callable[[Block], Awaitable[bytes]]
_VOLTAGE_MV: Final = range(80_000, 300_001)
_FREQUENCY_MHZ: Final = range(45_000, 66_001)
_MARKED: Final = 4


@dataclass(frozen=True, slots=True)
class Fit:
    """A profile that reads the meter without a contradiction.

    Attributes:
        profile: With the addresses that it has in this meter.
        reading: What it makes of the registers.
        serial: Serial number, if it finds one.
        score: One for each of a plausible voltage, frequency and serial number; four for a
            SunSpec marker.
        words: All registers that were read, by function and address.
    """

    profile: Profile
    reading: MeterReading
    serial: str | None
    score: int
    words: dict[tuple[int, int], bytes]


async def best_fits(profiles: Iterable[Profile], read: Read) -> list[Fit]:
    """All profiles that fit, the best first.

    Raises:
        MeterUnreachable: The meter has stopped answering.
    """
    fits = [fit for profile in profiles if (fit := await _fit(profile, read)) is not None]
    return sorted(fits, key=lambda fit: (fit.score, *_detail(fit.profile)), reverse=True)


def _detail(profile: Profile) -> tuple[int, int]:
    """Of two that fit alike, the one that explains more comes first.

    Single-phase models share the map of those with three; older models lack a finer counter.
    """
    phases = profile.rated.phases if profile.rated else 0
    return phases, profile.registers[Quantity.PRODUCED].type.words


async def _fit(profile: Profile, read: Read) -> Fit | None:
    words: dict[tuple[int, int], bytes] = {}

    async def kept(block: Block) -> bytes:
        await asyncio.sleep(profile.pause_ms / 1000)
        data = await read(block)
        for offset in range(block.count):
            words[block.function, block.address + offset] = data[2 * offset : 2 * offset + 2]
        return data

    try:
        located = await locate(profile, kept)
        replies = {block: await kept(block) for block in plan_blocks(located)}
        reading = decode(located, cut_registers(located, replies))
    except (MeterReplyError, ReadingRefused):
        return None
    likely = (reading.voltage_mv in _VOLTAGE_MV) + (reading.frequency_mhz in _FREQUENCY_MHZ)
    marked = _MARKED if profile.models else 0
    measured = reading.voltage_mv or reading.frequency_mhz
    if measured and not likely and not marked:
        return None
    serial = await _serial(located, kept)
    score = likely + marked + (serial is not None)
    return Fit(located, reading, serial, score, words) if score else None


async def _serial(profile: Profile, read: Read) -> str | None:
    block = identity_block(profile)
    if block is None:
        return None
    try:
        return decode_identity(profile, await read(block))
    except (MeterReplyError, ReadingRefused):
        return None
