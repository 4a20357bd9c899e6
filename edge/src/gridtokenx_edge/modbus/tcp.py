"""One Modbus TCP connection: a meter, or a gateway with many behind it."""

import asyncio
from typing import Final

from gridtokenx_edge.errors import MeterError, MeterReplyError, MeterUnreachable
from gridtokenx_edge.meters.plan import Block
from gridtokenx_edge.modbus import tcp_frame
from gridtokenx_edge.modbus.links import Link
from gridtokenx_edge.modbus.reply import Reply, registers, wrong_length

_LAST_TRANSACTION: Final = 0xFFFF


class ModbusTcpBus:
    """A connection with one lock: whatever hangs on it answers one request at a time.

    After a request without a good reply the connection is closed: a reply that comes late
    then goes nowhere, instead of being taken for the answer to a later request.

    Args:
        name: For messages.
        link: The connection.
    """

    def __init__(self, name: str, link: Link) -> None:
        self._name = name
        self._link = link
        self._lock = asyncio.Lock()
        self._transaction = 0
        self.openings = 0

    async def read(self, unit: int, block: Block, timeout_ms: int) -> bytes:
        """See ``Bus.read``."""
        async with self._lock:
            try:
                reply = await self._exchange(unit, block, timeout_ms / 1000)
            except BaseException:
                self._link.close()
                raise
        return registers(reply, block)

    def close(self) -> None:
        """See ``Bus.close``."""
        self._link.close()

    async def _exchange(self, unit: int, block: Block, timeout_s: float) -> Reply:
        """One request and its reply, which has the right length or is an exception."""
        await self._open(timeout_s)
        self._transaction = self._transaction % _LAST_TRANSACTION + 1
        data = await self._ask(unit, tcp_frame.request(self._transaction, unit, block), timeout_s)
        reply = tcp_frame.parse(data, self._transaction, block.function)
        if reply.unit != unit:
            raise MeterReplyError(
                "wrong_unit", f"unit {reply.unit} at {self._name} answers a request to {unit}"
            )
        if reply.exception is None and reply.count != block.count:
            raise wrong_length(reply, block)
        return reply

    async def _open(self, timeout_s: float) -> None:
        try:
            if await self._link.open(timeout_s):
                self.openings += 1
        except OSError as error:
            raise MeterUnreachable(
                "no_connection", f"cannot connect to {self._name}; check address, port and cable"
            ) from error

    async def _ask(self, unit: int, request: bytes, timeout_s: float) -> bytes:
        """The frame that comes back."""
        data = b""
        try:
            self._link.write(request)
            async with asyncio.timeout(timeout_s):
                while (lacking := tcp_frame.missing(data)) > 0:
                    data += await self._link.read()
        except OSError as error:  # also a time-out
            raise self._silent(unit, data) from error
        if lacking < 0:
            raise MeterReplyError("wrong_length", f"{self._name}: more came than a reply")
        return data

    def _silent(self, unit: int, data: bytes) -> MeterError:
        if data:
            return MeterReplyError(
                "cut_off", f"unit {unit} at {self._name} stopped in mid-reply; check the cable"
            )
        return MeterUnreachable(
            "no_reply", f"unit {unit} at {self._name} does not answer; check power and cable"
        )
