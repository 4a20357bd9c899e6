"""What a device answers, whatever frame it came in."""

from dataclasses import dataclass
from typing import Final

from gridtokenx_edge.errors import MeterReplyError
from gridtokenx_edge.meters.plan import Block

EXCEPTION_BIT: Final = 0x80
"""Set in the function of a reply that is an exception."""
EXCEPTIONS: Final = {
    1: "illegal_function",
    2: "illegal_address",
    3: "illegal_value",
    4: "device_failure",
    5: "acknowledge",
    6: "device_busy",
    8: "memory_parity_error",
    10: "gateway_path_unavailable",
    11: "gateway_target_silent",
}
"""Modbus Application Protocol 1.1b3, section 7."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A sound frame from a device.

    Attributes:
        unit: Address of the device.
        data: Two bytes for each register; empty for an exception.
        exception: Its code, or None.
    """

    unit: int
    data: bytes
    exception: int | None

    @property
    def count(self) -> int:
        """Number of registers."""
        return len(self.data) // 2


def wrong_function(came: int, asked: int) -> MeterReplyError:
    """The reply is to another function than was asked."""
    return MeterReplyError(
        "wrong_function",
        f"function {came} came back, {asked} was asked; check baud rate, parity and gateway",
    )


def wrong_length(reply: Reply, block: Block) -> MeterReplyError:
    """The reply holds another number of registers than was asked for."""
    return MeterReplyError(
        "wrong_length", f"registers {block.address}+{block.count}: {reply.count} came back"
    )


def registers(reply: Reply, block: Block) -> bytes:
    """The registers in a reply that has the right length, unless it is an exception.

    Raises:
        MeterReplyError: The exception.
    """
    if reply.exception is not None:
        name = EXCEPTIONS.get(reply.exception, f"exception_{reply.exception}")
        raise MeterReplyError(
            name, f"registers {block.address}+{block.count}: {name}; check profile and unit"
        )
    return reply.data
