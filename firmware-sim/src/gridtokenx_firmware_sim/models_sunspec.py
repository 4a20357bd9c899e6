"""The chain of models in which a SunSpec meter keeps its registers."""

import struct
from fractions import Fraction
from typing import Any, Final

from gridtokenx_firmware_sim.models_encode import Registers, text

_START: Final = 40_000
_COMMON: Final = 1
_COMMON_LENGTH: Final = 66
_END: Final = 0xFFFF
_INTEGER_LENGTH: Final = 105
_FLOAT_LENGTH: Final = 124
_EXPONENTS: Final = {"Wh": 0, "W": 0, "V": -1, "A": -2, "Hz": -2}
"""Scale factors with which an int16 holds what a house has."""


class SunSpecMap:
    """Marker, common model, a three-phase meter's model, end.

    Attributes:
        common: Address of the common model.
        meter: Address of the meter's model.
    """

    def __init__(self, profile: dict[str, Any]) -> None:
        models = profile["models"]
        self._profile = profile
        self._model = models[min(2, len(models) - 1)]  # 203 and 213 are those with three phases
        floats = any(table["type"] == "float32" for table in profile["registers"].values())
        self._length = _FLOAT_LENGTH if floats else _INTEGER_LENGTH
        self.common = _START + 2
        self.meter = self.common + 2 + _COMMON_LENGTH

    def power_of_ten(self, table: dict[str, Any]) -> Fraction:
        """What the scale factor of a register stands for."""
        return Fraction(10) ** _EXPONENTS[table["unit"]]

    def constants(self) -> Registers:
        """All that does not change: marker, headers, maker, model, scale factors."""
        end = self.meter + 2 + self._length
        return {
            _START: b"SunS",
            self.common: struct.pack(">HH", _COMMON, _COMMON_LENGTH),
            self.common + 2: text(self._profile["maker"], 16),
            self.common + 18: text(self._profile["model"], 16),
            self.meter: struct.pack(">HH", self._model, self._length),
            end: struct.pack(">HH", _END, 0),
        } | {
            self.meter + table["scale_number"]: struct.pack(">h", _EXPONENTS[table["unit"]])
            for table in self._profile["registers"].values()
            if "scale_number" in table
        }
