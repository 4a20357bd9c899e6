"""What every bus is to those who read from it."""

from typing import Protocol

from gridtokenx_edge.meters.plan import Block


class Bus(Protocol):
    """A line or connection with one lock: whatever hangs on it answers one request at a time.

    Attributes:
        openings: How often it has been opened.
    """

    openings: int

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
