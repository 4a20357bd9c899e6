"""From a number to the words of a register."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from gridtokenx_firmware_sim.errors import RegisterError

Registers = dict[int, bytes]
"""Address of the first register to the big-endian bytes from there."""

_FLOATS: Final = {"float32": ">f", "float64": ">d"}
_EXACT_BITS: Final = {"float32": 24, "float64": 53}
THOUSANDTHS: Final = "thousandths64"
"""An INT32 of whole units, and behind it one of their thousandths."""


@dataclass(frozen=True, slots=True)
class Point:
    """One register, or several that make one number or text.

    Attributes:
        function: Modbus function that reads it.
        address: On the wire.
        words: Number of registers.
        kind: ``uint16`` to ``float64``, ``thousandths64`` or ``text``.
        shows: Which of the model's values.
        factor: The value is the number in the register times this.
        little_words: Whether the least significant word comes first.
    """

    function: int
    address: int
    words: int
    kind: str
    shows: str
    factor: Fraction = Fraction(1)
    little_words: bool = False

    def encode(self, value: Fraction) -> bytes:
        """The bytes in wire order.

        Raises:
            RegisterError: The register cannot hold that.
        """
        number = value / self.factor
        if self.kind == "text":
            return text(f"{int(number):08d}", self.words)
        if self.kind == THOUSANDTHS:
            whole, thousandths = divmod(int(number * 1000), 1000)
            return b"".join(self._ordered(self._integer(half, 4)) for half in (whole, thousandths))
        return self._ordered(self._pack(number))

    def greatest(self) -> int:
        """The greatest integer up to which every integer is exact in this register.

        Of thousandths, where it shows them.
        """
        if self.kind in _FLOATS:
            return int(2 ** _EXACT_BITS[self.kind])
        if self.kind == THOUSANDTHS:
            return 1000 * (2**31 - 1)
        return int(2 ** (16 * self.words - (not self.kind.startswith("u"))) - 1)

    def _ordered(self, raw: bytes) -> bytes:
        if not self.little_words:
            return raw
        return b"".join(raw[start : start + 2] for start in range(len(raw) - 2, -1, -2))

    def _pack(self, number: Fraction) -> bytes:
        if self.kind in _FLOATS:
            return struct.pack(_FLOATS[self.kind], float(number))
        return self._integer(round(number), 2 * self.words)

    def _integer(self, number: int, size: int) -> bytes:
        try:
            return number.to_bytes(size, "big", signed=not self.kind.startswith("u"))
        except OverflowError as error:
            raise RegisterError(
                f"register {self.address} cannot hold {number} as {self.kind}"
            ) from error


def text(content: str, words: int) -> bytes:
    """ASCII, filled up with zeros."""
    return content.encode("ascii", errors="replace")[: 2 * words].ljust(2 * words, b"\0")
