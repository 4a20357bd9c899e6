"""One Modbus TCP connection: a meter, or a gateway with many behind it."""

import asyncio
import struct
from typing import Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from gridtokenx_edge.config.model import BusConfig
from gridtokenx_edge.errors import MeterReplyError, MeterUnreachable
from gridtokenx_edge.meters.plan import Block

_HOLDING: Final = 3
_EXCEPTIONS: Final = {
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


class ModbusTcpBus:
    """A connection with one lock: whatever hangs on it answers one request at a time.

    After a request without a good reply the connection is closed: a reply that comes late
    then goes nowhere, instead of being taken for the answer to a later request.
    """

    def __init__(self, host: str, port: int) -> None:
        self._name = f"{host}:{port}"
        self._host = host
        self._port = port
        self._lock = asyncio.Lock()
        self._client: AsyncModbusTcpClient | None = None

    async def read(self, unit: int, block: Block, timeout_ms: int) -> bytes:
        """Read a block of registers.

        Args:
            unit: Address of the device on the bus.
            block: Which registers.
            timeout_ms: For connecting, and again for the reply.

        Returns:
            Two bytes for each register, in wire order.

        Raises:
            MeterUnreachable: No connection, or no reply in time.
            MeterReplyError: A Modbus exception, or a reply that is not to this request.
        """
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
        """Close the connection; the next read opens it again."""
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
            self._host, port=self._port, timeout=timeout_ms / 1000, retries=0, reconnect_delay=0
        )
        if not await self._client.connect():
            raise MeterUnreachable(
                "no_connection", f"cannot connect to {self._name}; check address, port and cable"
            )
        return self._client


class BusPool:
    """One bus for each host and port, shared by the meters on it."""

    def __init__(self) -> None:
        self._buses: dict[tuple[str, int], ModbusTcpBus] = {}

    def bus(self, config: BusConfig) -> ModbusTcpBus:
        """The bus that a meter is on."""
        key = (config.host, config.port)
        return self._buses.setdefault(key, ModbusTcpBus(*key))

    def close(self) -> None:
        """Close all connections."""
        for bus in self._buses.values():
            bus.close()


def _registers(response: ModbusPDU, block: Block) -> bytes:
    if isinstance(response, ExceptionResponse):
        name = _EXCEPTIONS.get(response.exception_code, f"exception_{response.exception_code}")
        raise MeterReplyError(
            name, f"registers {block.address}+{block.count}: {name}; check profile and unit"
        )
    if response.function_code != block.function or len(response.registers) != block.count:
        raise MeterReplyError(
            "wrong_length",
            f"registers {block.address}+{block.count}: {len(response.registers)} came back",
        )
    return struct.pack(f">{block.count}H", *response.registers)
