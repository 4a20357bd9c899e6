"""One Modbus TCP connection: a meter, or a gateway with many behind it."""

import asyncio
import struct
from typing import Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from gridtokenx_edge.config.model import TcpLine
from gridtokenx_edge.errors import MeterReplyError, MeterUnreachable
from gridtokenx_edge.meters.plan import Block
from gridtokenx_edge.modbus.bus import exception_name

_HOLDING: Final = 3


class ModbusTcpBus:
    """A connection with one lock: whatever hangs on it answers one request at a time.

    After a request without a good reply the connection is closed: a reply that comes late
    then goes nowhere, instead of being taken for the answer to a later request.
    """

    def __init__(self, line: TcpLine) -> None:
        self._name = f"{line.host}:{line.port}"
        self._line = line
        self._lock = asyncio.Lock()
        self._client: AsyncModbusTcpClient | None = None

    async def read(self, unit: int, block: Block, timeout_ms: int) -> bytes:
        """See ``Bus.read``."""
        async with self._lock:
            answered = False
            try:
                response = await self._request(unit, block, timeout_ms)
                answered = True
            finally:
                if not answered:
                    self.close()
        return _registers(response, block)

    def close(self) -> None:
        """See ``Bus.close``."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _request(self, unit: int, block: Block, timeout_ms: int) -> ModbusPDU:
        client = await self._connected(timeout_ms)
        read = (
            client.read_holding_registers
            if block.function == _HOLDING
            else client.read_input_registers
        )
        try:
            response = await read(block.address, count=block.count, device_id=unit)
        except (ModbusException, OSError) as error:
            raise MeterUnreachable(
                "no_reply", f"unit {unit} at {self._name} does not answer; check power and cable"
            ) from error
        if response.transaction_id == 0:  # pymodbus takes 0 for an answer to any request
            raise MeterReplyError(
                "wrong_transaction", f"unit {unit} at {self._name} answers another request"
            )
        return response

    async def _connected(self, timeout_ms: int) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        self.close()
        self._client = AsyncModbusTcpClient(
            self._line.host,
            port=self._line.port,
            timeout=timeout_ms / 1000,
            retries=0,
            reconnect_delay=0,
        )
        if not await self._client.connect():
            raise MeterUnreachable(
                "no_connection", f"cannot connect to {self._name}; check address, port and cable"
            )
        return self._client


def _registers(response: ModbusPDU, block: Block) -> bytes:
    if isinstance(response, ExceptionResponse):
        name = exception_name(response.exception_code)
        raise MeterReplyError(
            name, f"registers {block.address}+{block.count}: {name}; check profile and unit"
        )
    if response.function_code != block.function or len(response.registers) != block.count:
        raise MeterReplyError(
            "wrong_length",
            f"registers {block.address}+{block.count}: {len(response.registers)} came back",
        )
    return struct.pack(f">{block.count}H", *response.registers)
