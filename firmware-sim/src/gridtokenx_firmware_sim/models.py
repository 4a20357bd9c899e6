"""Kinds of meter: what their registers show, made from a profile file of the edge agent.

The agent decodes these files with code of its own: what it reads from this simulator has been
through two independent implementations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from gridtokenx_firmware_sim.day import Flow
from gridtokenx_firmware_sim.errors import RegisterError
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models_encode import Point, Registers

__all__ = ["PHASES", "Block", "Model", "Registers", "blocks_around"]

PHASES: Final = (1, 2, 3)
_PAGE: Final = 256


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
        phases: 1 or 3; a single-phase meter has the whole house on its phase.
        read_limit: Most registers in one request.
        counts_per_kwh: Resolution of the energy registers.
        greatest_count: Above this, an energy register is no longer exact.
        points: Registers that change, and the serial number.
        constants: Registers that do not change.
        blocks: What can be read.
    """

    maker: str
    product: str
    phases: int
    read_limit: int
    counts_per_kwh: int
    greatest_count: int
    points: tuple[Point, ...]
    constants: Registers
    blocks: tuple[Block, ...]

    def identity(self, serial: int) -> Registers:
        """The registers that do not change, for a meter with this serial number."""
        return self.constants | self._encode({"serial": Fraction(serial)})

    def values(self, now: Measurement) -> Registers:
        """The registers that do."""
        return self._encode(self._shown(now))

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

    def _encode(self, shown: Mapping[str, Fraction]) -> Registers:
        return {
            point.address: point.encode(shown[point.shows])
            for point in self.points
            if point.shows in shown
        }

    def _shown(self, now: Measurement) -> dict[str, Fraction]:
        """What points can show, in kWh, W, V, A, Hz; power of the house is export positive."""
        voltages, currents = now.voltage_v, now.phase_current_a
        powers = (now.phase_power_w,) * len(PHASES)
        if self.phases == 1:
            voltages = (now.voltage_v[0], 0.0, 0.0)
            currents = (abs(now.power_w) / now.voltage_v[0], 0.0, 0.0)
            powers = (now.power_w, 0.0, 0.0)
        shown = {
            "produced": Fraction(now.exported_counts, self.counts_per_kwh),
            "consumed": Fraction(now.imported_counts, self.counts_per_kwh),
            "active_power": Fraction(-now.power_w),
            "voltage": Fraction(sum(voltages) / self.phases),
            "current": Fraction(sum(currents) / self.phases),
            "current_sum": Fraction(sum(currents)),
            "frequency": Fraction(now.frequency_hz),
        }
        for phase in PHASES:
            shown[f"voltage_l{phase}"] = Fraction(voltages[phase - 1])
            shown[f"current_l{phase}"] = Fraction(currents[phase - 1])
            shown[f"import_power_l{phase}"] = Fraction(powers[phase - 1])
        return shown


def blocks_around(registers: Mapping[int, int]) -> tuple[Block, ...]:
    """Whole pages of 256 registers around those with a meaning; neighbouring pages are one.

    Args:
        registers: Address on the wire to the function code that reads it.

    Raises:
        RegisterError: One page would answer two function codes, which cannot be simulated.
    """
    pages: dict[int, int] = {}
    for address, function in sorted(registers.items()):
        if pages.setdefault(address // _PAGE, function) != function:
            raise RegisterError(
                f"registers of two kinds near address {address}: that cannot be simulated"
            )
    blocks: list[Block] = []
    for page, function in pages.items():
        last = blocks[-1] if blocks else None
        if last and last.function == function and last.first + last.count == page * _PAGE:
            blocks[-1] = Block(function, last.first, last.count + _PAGE)
        else:
            blocks.append(Block(function, page * _PAGE, _PAGE))
    return tuple(blocks)
