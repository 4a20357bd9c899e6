"""What every bus is to those who read from it."""

from typing import Final, Protocol

from gridtokenx_edge.meters.plan import Block

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


class Bus(Protocol):
    """A line or connection with one lock: whatever hangs on it answers one request at a time."""

    async def read(self, unit: int, block: Block, timeout_ms: int) -> bytes:
        """Read a block of registers.

        Args:
            unit: Address of the device on the bus.
            block: Which registers.
            timeout_ms: How long to wait for a connection, and again for the reply; the time
                that characters need on a serial line comes on top.

        Returns:
            Two bytes for each register, in wire order.

        Raises:
            MeterUnreachable: No connection, or no reply in time.
            MeterReplyError: A Modbus exception, or a reply that is not to this request.
        """
        ...

    def close(self) -> None:
        """Close the connection; the next read opens it again."""
        ...


def exception_name(code: int) -> str:
    """What a device means by an exception."""
    return EXCEPTIONS.get(code, f"exception_{code}")
