"""What momentary values vary by from one reading to the next."""

from dataclasses import dataclass
from random import Random
from typing import Final

GREATEST_PERCENT: Final = 30
_MOST_DEVIATIONS: Final = 3
"""With the greatest noise, power keeps its direction."""
_VOLTAGE_SHARE: Final = 0.1
_FREQUENCY_SHARE: Final = 0.001


@dataclass(frozen=True, slots=True)
class Noise:
    """Factors around 1, the same ones at the same time of the day.

    Attributes:
        percent: Standard deviation of power; a tenth of it is that of each voltage, a thousandth
            that of the frequency.
        seed: Which of many noises.
    """

    percent: float
    seed: int

    def of_power(self, elapsed_ms: int) -> float:
        """To multiply active power with."""
        return self._factor(f"power {elapsed_ms}", 1)

    def of_voltage(self, elapsed_ms: int, phase: int) -> float:
        """To multiply the voltage of a phase with."""
        return self._factor(f"voltage {phase} {elapsed_ms}", _VOLTAGE_SHARE)

    def of_frequency(self, elapsed_ms: int) -> float:
        """To multiply the mains frequency with."""
        return self._factor(f"frequency {elapsed_ms}", _FREQUENCY_SHARE)

    def _factor(self, what: str, share: float) -> float:
        if not self.percent:
            return 1.0
        drawn = Random(f"{self.seed} {what}").gauss(0, 1)  # noqa: S311 - repeatable, not secret
        deviations = min(max(drawn, -_MOST_DEVIATIONS), _MOST_DEVIATIONS)
        return 1 + deviations * share * self.percent / 100


NO_NOISE: Final = Noise(0, 0)
