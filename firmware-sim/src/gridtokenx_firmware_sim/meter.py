"""The measuring part of the meter: plays a day into the registers as time goes by."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from gridtokenx_firmware_sim.day import DAY_MS, Day, Flow
from gridtokenx_firmware_sim.errors import StateError
from gridtokenx_firmware_sim.noise import NO_NOISE, Noise
from gridtokenx_firmware_sim.state import State, StateFile


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the registers show at one moment.

    Attributes:
        exported_counts: Energy out of the house since the meter was made, in register counts.
        imported_counts: Energy into the house.
        power_w: Active power, import positive as meters have it.
        voltage_v: Line to neutral, of each phase.
        frequency_hz: Mains frequency.
    """

    exported_counts: int
    imported_counts: int
    power_w: float
    voltage_v: tuple[float, float, float]
    frequency_hz: float

    @property
    def phase_power_w(self) -> float:
        """Power of each phase: they are loaded alike."""
        return self.power_w / 3

    @property
    def phase_current_a(self) -> tuple[float, float, float]:
        """Current of each phase, without sign."""
        first, second, third = (abs(self.phase_power_w) / volts for volts in self.voltage_v)
        return first, second, third


class Meter:
    """Plays a day; after it, registers stay where they are and power is zero.

    Args:
        day: What flows.
        counts_per_kwh: Resolution of the energy registers.
        lifetime: Registers at the start of the day, in counts.
        speed: Simulated seconds per second.
        monotonic_ms: Clock that never goes back.
        memory: Where the registers survive a restart.
        noise: Of power, voltage and frequency; energy registers have none.

    Raises:
        StateError: The memory is another meter's, scenario's or house's.
    """

    def __init__(
        self,
        *,
        day: Day,
        counts_per_kwh: int,
        lifetime: Flow,
        speed: float,
        monotonic_ms: Callable[[], int],
        memory: StateFile,
        noise: Noise = NO_NOISE,
    ) -> None:
        self._day = day
        self._counts_per_kwh = counts_per_kwh
        self._lifetime = lifetime
        self._speed = speed
        self._monotonic_ms = monotonic_ms
        self._memory = memory
        self._noise = noise
        self._state = memory.load() or self._state_at(0, begun=False)
        elapsed_ms = min(self._state.elapsed_ms, DAY_MS)
        if self._state != self._state_at(elapsed_ms, begun=self._state.begun):
            raise StateError(
                "the state file is of another model, scenario, house or lifetime; name another"
            )
        self._resumed_at_ms = self._state.elapsed_ms
        self._since_ms = monotonic_ms()

    @property
    def begun(self) -> bool:
        """Whether the day has begun, in this run or an earlier one."""
        return self._state.begun

    def begin(self) -> None:
        """Begin the day, unless it has begun."""
        if not self._state.begun:
            self._since_ms = self._monotonic_ms()
            self._state = self._state_at(0, begun=True)

    def tick(self) -> Measurement:
        """Advance to now; what it returns is in memory before anyone can read it.

        Raises:
            StateError: The memory cannot be written.
        """
        if self._state.begun:
            passed_ms = int((self._monotonic_ms() - self._since_ms) * self._speed)
            elapsed_ms = min(self._resumed_at_ms + passed_ms, DAY_MS)
            self._state = self._state_at(elapsed_ms, begun=True)
        self._memory.save(self._state)
        return self._measure()

    def _state_at(self, elapsed_ms: int, *, begun: bool) -> State:
        counts = self._day.counts(elapsed_ms, self._counts_per_kwh)
        return State(
            begun=begun,
            ended=begun and elapsed_ms == DAY_MS,
            elapsed_ms=elapsed_ms,
            exported_counts=self._lifetime.produced + counts.produced,
            imported_counts=self._lifetime.consumed + counts.consumed,
        )

    def _measure(self) -> Measurement:
        elapsed_ms = self._state.elapsed_ms
        running = self._state.begun and not self._state.ended
        power = self._day.power_mw(elapsed_ms) if running else Flow(0, 0)
        hours, noise = elapsed_ms / 3_600_000, self._noise
        first, second, third = (
            (230 + 1.5 * math.sin(math.tau * (hours / 2 + phase / 3)))
            * noise.of_voltage(elapsed_ms, phase)
            for phase in range(3)
        )
        frequency_hz = 50 + 0.02 * math.sin(math.tau * hours * 4)
        return Measurement(
            exported_counts=self._state.exported_counts,
            imported_counts=self._state.imported_counts,
            power_w=(power.consumed - power.produced) / 1_000 * noise.of_power(elapsed_ms),
            voltage_v=(first, second, third),
            frequency_hz=frequency_hz * noise.of_frequency(elapsed_ms),
        )
