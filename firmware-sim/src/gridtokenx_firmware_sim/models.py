"""Register maps of real meters, from their makers' documents. Addresses are those on the wire."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gridtokenx_firmware_sim.day import Flow
from gridtokenx_firmware_sim.errors import RegisterError
from gridtokenx_firmware_sim.meter import Measurement

READ_HOLDING: Final = 3
READ_INPUT: Final = 4

Registers = dict[int, bytes]
"""Address of the first register to the big-endian bytes from there."""


@dataclass(frozen=True, slots=True)
class Block:
    """Registers that answer one function code; those without a meaning read zero."""

    function: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of meter.

    Attributes:
        maker: For Read Device Identification.
        product: For Read Device Identification.
        blocks: What can be read.
        read_limit: Most registers in one request.
        counts_per_kwh: Resolution of the energy registers.
        greatest_count: Above this, an energy register is no longer exact.
        identity: Serial number to the registers that do not change.
        values: Measurement to the registers that do.
    """

    maker: str
    product: str
    blocks: tuple[Block, ...]
    read_limit: int
    counts_per_kwh: int
    greatest_count: int
    identity: Callable[[int], Registers]
    values: Callable[[Measurement], Registers]

    def counts_from_wh(self, energy_wh: int) -> int:
        """Energy in counts of the energy registers.

        Raises:
            RegisterError: Not a whole number of counts, negative or too great.
        """
        counts, rest = divmod(energy_wh * self.counts_per_kwh, 1_000)
        if rest:
            raise RegisterError(
                f"{self.product} counts in steps of 1/{self.counts_per_kwh} kWh; {energy_wh} Wh"
                " is not a multiple of that"
            )
        if not 0 <= counts <= self.greatest_count:
            raise RegisterError(f"{self.product} cannot show {energy_wh} Wh exactly")
        return counts

    def check_range(self, lifetime: Flow, day_total: Flow) -> None:
        """Refuse a start from which the registers would leave their exact range in the day.

        Raises:
            RegisterError: They would.
        """
        greatest = max(
            lifetime.produced + day_total.produced, lifetime.consumed + day_total.consumed
        )
        if greatest > self.greatest_count:
            raise RegisterError(f"{self.product} cannot show {greatest} counts exactly")


def _float32(value: float) -> bytes:
    return struct.pack(">f", value)


def _text(text: str) -> bytes:
    return text.encode().ljust(40, b"\0")


def _schneider_identity(serial: int) -> Registers:
    return {
        29: _text("Energy Meter"),
        49: _text("iEM3155"),
        69: _text("Schneider Electric"),
        129: struct.pack(">I", serial),
    }


def _schneider_values(now: Measurement) -> Registers:
    """DOCA0005EN, Modbus register list: numbers there are one above the wire's."""
    currents, voltages = now.phase_current_a, now.voltage_v
    phases = range(3)
    return {
        **{2999 + 2 * phase: _float32(currents[phase]) for phase in phases},
        3009: _float32(sum(currents) / 3),
        **{3027 + 2 * phase: _float32(voltages[phase]) for phase in phases},
        3035: _float32(sum(voltages) / 3),
        **{3053 + 2 * phase: _float32(now.phase_power_w / 1_000) for phase in phases},
        3059: _float32(now.power_w / 1_000),
        3109: _float32(now.frequency_hz),
        3203: struct.pack(">q", now.imported_counts),
        3207: struct.pack(">q", now.exported_counts),
    }


def _eastron_identity(serial: int) -> Registers:
    return {0xFC00: struct.pack(">I", serial)}


def _eastron_values(now: Measurement) -> Registers:
    """Eastron SDM630 Modbus protocol, input registers."""
    currents, voltages = now.phase_current_a, now.voltage_v
    phases = range(3)
    return {
        **{0x0000 + 2 * phase: _float32(voltages[phase]) for phase in phases},
        **{0x0006 + 2 * phase: _float32(currents[phase]) for phase in phases},
        **{0x000C + 2 * phase: _float32(now.phase_power_w) for phase in phases},
        0x002A: _float32(sum(voltages) / 3),
        0x002E: _float32(sum(currents) / 3),
        0x0030: _float32(sum(currents)),
        0x0034: _float32(now.power_w),
        0x0046: _float32(now.frequency_hz),
        0x0048: _float32(now.imported_counts / _EASTRON_COUNTS_PER_KWH),
        0x004A: _float32(now.exported_counts / _EASTRON_COUNTS_PER_KWH),
    }


_EASTRON_COUNTS_PER_KWH = 64
"""15.625 Wh: whole mWh, and exact in a float32 of kWh up to 2**18 kWh."""

MODELS: Final = {
    "schneider-iem3155": Model(
        maker="Schneider Electric",
        product="iEM3155",
        blocks=(Block(READ_HOLDING, 0, 10_000),),
        read_limit=125,
        counts_per_kwh=1_000,
        greatest_count=2**63 - 1,
        identity=_schneider_identity,
        values=_schneider_values,
    ),
    "eastron-sdm630": Model(
        maker="Eastron",
        product="SDM630",
        blocks=(Block(READ_INPUT, 0x0000, 0x0180), Block(READ_HOLDING, 0xFC00, 2)),
        read_limit=80,
        counts_per_kwh=_EASTRON_COUNTS_PER_KWH,
        greatest_count=2**24,
        identity=_eastron_identity,
        values=_eastron_values,
    ),
}
