"""One meter's registers and its answers: Modbus from the function code on, without framing."""

import struct
from collections.abc import Callable
from typing import Final

from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models import Model, Registers

READ_HOLDING: Final = 3
READ_INPUT: Final = 4
ENCAPSULATED: Final = 43
READ_IDENTIFICATION: Final = 14

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
NO_RESPONSE: Final = 11

Distortion = Callable[[Registers], Registers]
"""What a fault makes of the registers, before they are read."""


class MeterDevice:
    """Answers requests about one meter (Modbus Application Protocol 1.1b3).

    Args:
        model: Kind of meter.
        serial: Its serial number, 32 bits.
    """

    def __init__(self, model: Model, serial: int) -> None:
        self.model = model
        self.serial = serial
        self.measurement: Measurement | None = None

    def registers(self, serial: int, measurement: Measurement | None) -> Registers:
        """Address to bytes: the meter's identity, and what it measures if it does so yet."""
        values = self.model.values(measurement) if measurement else {}
        return {**self.model.identity(serial), **values}

    def answer(self, request: bytes, registers: Registers) -> bytes:
        """The reply to a request, both beginning with the function code."""
        function = request[0]
        if function in {READ_HOLDING, READ_INPUT} and len(request) == 5:
            address, count = struct.unpack(">HH", request[1:])
            return self._read(function, address, count, registers)
        if request[:2] == bytes([ENCAPSULATED, READ_IDENTIFICATION]):
            return self._identification()
        return exception(function, ILLEGAL_FUNCTION)

    def _read(self, function: int, address: int, count: int, registers: Registers) -> bytes:
        block = next((b for b in self.model.blocks if b.first <= address < b.first + b.count), None)
        if block is None:
            return exception(function, ILLEGAL_ADDRESS)
        if function != block.function:
            return exception(function, ILLEGAL_FUNCTION)
        if address + count > block.first + block.count:
            return exception(function, ILLEGAL_ADDRESS)
        if not 0 < count <= self.model.read_limit:
            return exception(function, ILLEGAL_VALUE)
        data = bytearray(2 * count)
        for first, raw in registers.items():
            for index, byte in enumerate(raw, start=2 * (first - address)):
                if 0 <= index < len(data):
                    data[index] = byte
        return bytes([function, len(data), *data])

    def _identification(self) -> bytes:
        texts = [text.encode() for text in (self.model.maker, self.model.product, "1.0")]
        objects = b"".join(bytes([n, len(text)]) + text for n, text in enumerate(texts))
        head = bytes([ENCAPSULATED, READ_IDENTIFICATION, 1, 1, 0, 0, len(texts)])
        return head + objects


def exception(function: int, code: int) -> bytes:
    """A reply that refuses a request."""
    return bytes([function | 0x80, code])
