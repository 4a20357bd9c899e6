"""The talking part of the meter: Modbus TCP over the registers of a model."""

import asyncio
from typing import Any, cast

from pymodbus.constants import ExcCodes
from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from gridtokenx_firmware_sim.errors import SimulatorError
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models import Block, Model, Registers


async def _no_answer(*_request: Any) -> ExcCodes:
    return ExcCodes.GATEWAY_NO_RESPONSE


_NOBODY = SimDevice(0, SimData(0, count=65_536, datatype=DataType.REGISTERS), action=_no_answer)
"""What a gateway says for every other unit address."""


class MeterServer:
    """Serves one meter at one unit address.

    Args:
        model: Kind of meter.
        serial: Its serial number, 32 bits.
        unit: Modbus unit address, 1 to 247.
    """

    def __init__(self, model: Model, *, serial: int, unit: int) -> None:
        self._model = model
        self._unit = unit
        self._words = {block: [0] * block.count for block in model.blocks}
        self._write(model.identity(serial))
        self._server: ModbusTcpServer | None = None

    def show(self, measurement: Measurement) -> None:
        """Put a measurement into the registers, all at once for whoever reads."""
        self._write(self._model.values(measurement))

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (useful when ``port`` is 0).

        Raises:
            SimulatorError: The address is taken or not this machine's.
        """
        identity = ModbusDeviceIdentification(  # type: ignore[no-untyped-call]  # not annotated there
            info_name={
                "VendorName": self._model.maker,
                "ProductCode": self._model.product,
                "MajorMinorRevision": "1.0",
            }
        )
        devices = [SimDevice(self._unit, self._simdata(), action=self._answer), _NOBODY]
        server = ModbusTcpServer(devices, identity=identity, address=(host, port))
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise SimulatorError(f"cannot listen on {host} port {port}: {error}") from error
        self._server = server
        listener = cast("asyncio.Server", server.transport)
        port_taken: int = listener.sockets[0].getsockname()[1]
        return port_taken

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server:
            await self._server.shutdown()  # type: ignore[no-untyped-call]  # not annotated there

    def _simdata(self) -> list[SimData]:
        return [
            SimData(block.first, values=[0] * block.count, datatype=DataType.REGISTERS)
            for block in self._model.blocks
        ]

    def _write(self, registers: Registers) -> None:
        for address, data in registers.items():
            block = self._block(address)
            start = address - block.first
            words = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
            self._words[block][start : start + len(words)] = words

    def _block(self, address: int) -> Block:
        return next(
            block
            for block in self._model.blocks
            if block.first <= address < block.first + block.count
        )

    async def _answer(
        self,
        function: int,
        start_address: int,
        address: int,
        count: int,
        current: list[int],
        _written: list[Any] | None,
    ) -> ExcCodes | None:
        """The library calls this before it answers; addresses are in range by then.

        Writes have function codes of their own, which no block answers.
        """
        block = self._block(address)
        if function != block.function:
            return ExcCodes.ILLEGAL_FUNCTION
        if count > self._model.read_limit:
            return ExcCodes.ILLEGAL_VALUE
        offset = address - start_address
        current[offset : offset + count] = self._words[block][
            address - block.first : address - block.first + count
        ]
        return None
