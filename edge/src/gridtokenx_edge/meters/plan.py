"""Joining neighbouring registers into few requests."""

from dataclasses import dataclass

from gridtokenx_edge.meters.profile import CUMULATIVE, Profile


@dataclass(frozen=True, slots=True)
class Block:
    """Registers that are read with one request.

    Attributes:
        function: 3 holding, 4 input registers.
        address: First register on the wire.
        count: Number of registers.
    """

    function: int
    address: int
    count: int


def plan_blocks(profile: Profile) -> tuple[Block, ...]:
    """The requests that read a whole profile, energy counters first.

    Counters come first so that they are as close as possible to the time that is signed. A
    register is never split over two requests: a counter could roll over between them.
    """
    spans = sorted(
        (register.address, register.address + register.type.words)
        for register in profile.registers.values()
    )
    joined = [spans[0]]
    for start, end in spans[1:]:
        first, last = joined[-1]
        if start - last <= profile.largest_gap and end - first <= profile.largest_block:
            joined[-1] = (first, max(last, end))
        else:
            joined.append((start, end))
    counters = {profile.registers[quantity].address for quantity in CUMULATIVE}
    joined.sort(key=lambda span: not any(span[0] <= address < span[1] for address in counters))
    return tuple(Block(profile.function, start, end - start) for start, end in joined)
