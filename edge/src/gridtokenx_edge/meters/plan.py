"""Joining neighbouring registers into few requests, and taking the replies apart again."""

from collections.abc import Mapping
from dataclasses import dataclass

from gridtokenx_edge.meters.profile import CUMULATIVE, Profile, Quantity


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

    def holds(self, function: int, address: int) -> bool:
        """Whether a register is in this block."""
        return self.function == function and 0 <= address - self.address < self.count


def plan_blocks(profile: Profile) -> tuple[Block, ...]:
    """The requests that read a whole profile, energy counters first.

    Counters come first so that they are as close as possible to the time that is signed. A
    register is never split over two requests: a counter could roll over between them. Joining
    from the lowest address upwards needs as few requests as any other way.

    Raises:
        ValueError: The registers of a SunSpec profile are not located yet.
    """
    if profile.models:
        raise ValueError(f"{profile.name}: locate its registers first")
    spans = sorted(
        (register.function, start, start + words)
        for register in profile.registers.values()
        for start, words in register.parts
    )
    joined = [spans[0]]
    for function, start, end in spans[1:]:
        last_function, first, last = joined[-1]
        if (
            function == last_function
            and start - last <= profile.largest_gap
            and end - first <= profile.largest_block
        ):
            joined[-1] = (function, first, max(last, end))
        else:
            joined.append((function, start, end))
    blocks = [Block(function, start, end - start) for function, start, end in joined]
    counters = [profile.registers[quantity] for quantity in CUMULATIVE]
    blocks.sort(
        key=lambda block: (
            not any(block.holds(counter.function, counter.addresses[0]) for counter in counters)
        )
    )
    return tuple(blocks)


def cut_registers(profile: Profile, replies: Mapping[Block, bytes]) -> dict[Quantity, bytes]:
    """The bytes of every quantity, as they were on the wire: its values, then its scale factor.

    Args:
        profile: Whose plan was read.
        replies: For each block of the plan two bytes a register.
    """
    return {
        quantity: b"".join(
            _cut(replies, register.function, address, words) for address, words in register.parts
        )
        for quantity, register in profile.registers.items()
    }


def _cut(replies: Mapping[Block, bytes], function: int, address: int, words: int) -> bytes:
    for block, data in replies.items():
        start, end = 2 * (address - block.address), 2 * (address + words - block.address)
        if block.holds(function, address) and end <= 2 * block.count:
            return data[start:end]
    raise AssertionError("the plan covers every register of its profile")
