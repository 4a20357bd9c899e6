"""Asking one address after the other whether a meter is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gridtokenx_edge.config.model import BusConfig, Line, SerialLine
from gridtokenx_edge.errors import MeterReplyError, MeterUnreachable
from gridtokenx_edge.meters import Block, Profile
from gridtokenx_edge.modbus import Bus, BusPool
from gridtokenx_edge.probe.fit import Fit, best_fits
from gridtokenx_edge.probe.places import Place

_KNOCK: Final = Block(3, 0, 1)
_NOBODY: Final = frozenset({"gateway_path_unavailable", "gateway_target_silent"})


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answers.

    Attributes:
        line: Where.
        unit: At which address.
        fits: Profiles that fit it, the best first; none of ours if empty.
    """

    line: Line
    unit: int
    fits: list[Fit]


async def search(
    places: Sequence[Place],
    profiles: Sequence[Profile],
    timeout_ms: int,
    tell: Callable[[str], None],
) -> list[Found]:
    """Ask every unit of every place, one after the other.

    Args:
        places: Where to look.
        profiles: What to look for.
        timeout_ms: How long an address may take to answer.
        tell: Called with a line for the user before each step.
    """
    found: list[Found] = []
    for place in places:
        buses = BusPool()
        try:
            bus = buses.bus(BusConfig(place.line, 1, timeout_ms))
            found += await _search_line(place, bus, profiles, timeout_ms, tell)
        finally:
            buses.close()
    return found


async def _search_line(
    place: Place,
    bus: Bus,
    profiles: Sequence[Profile],
    timeout_ms: int,
    tell: Callable[[str], None],
) -> list[Found]:
    found: list[Found] = []
    for unit in place.units:
        tell(f"{describe(place.line)} unit {unit}")

        async def read(block: Block, unit: int = unit) -> bytes:
            return await bus.read(unit, block, timeout_ms)

        try:
            if await _answers(bus, unit, timeout_ms):
                found.append(Found(place.line, unit, await best_fits(profiles, read)))
        except MeterUnreachable as error:
            tell(str(error))
            if error.reason == "no_connection":
                break
    return found


async def _answers(bus: Bus, unit: int, timeout_ms: int) -> bool:
    """Whether a device is there; an exception is an answer as well, unless it is a gateway's."""
    try:
        await bus.read(unit, _KNOCK, timeout_ms)
    except MeterReplyError as error:
        return error.reason not in _NOBODY
    return True


def describe(line: Line) -> str:
    """A line in words, with what one has to write into the settings."""
    if isinstance(line, SerialLine):
        return f"{line.device} {line.baud} baud, parity {line.parity}"
    return line.place
