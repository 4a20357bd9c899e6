"""What one run of the demo plays: the day, the trade and where it keeps its data."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

SECONDS_PER_DAY = 86_400
MWH = Decimal("0.000001")
# The shortest interval that a deployment can have; one interval of the day's 96 would last longer.
SETTLEMENT_INTERVAL_S = 1
SETTLEMENT_PERIOD_S = 4
THB_PER_GRX = "10.0"


@dataclass(frozen=True, slots=True)
class Plan:
    """A day in `day_seconds`, and the trade after it.

    Attributes:
        folder: holds everything that the run leaves behind.
        scenario: name of a scenario of the simulated meters, for both houses.
        csv: a day of one's own for house A; house B then plays the scenario's.
        day_seconds: how long the played day takes on the wall clock.
        api_port: where the pages are if nobody listens there, 0 for any port.
        sell_kwh: what A offers, price_grx: for how much a kWh, grant_grx: what B starts with.
    """

    folder: Path
    scenario: str = "seed"
    csv: Path | None = None
    day_seconds: int = 24
    sell_kwh: Decimal = Decimal(10)
    price_grx: Decimal = Decimal(3)
    grant_grx: Decimal = Decimal(100)
    api_port: int = 0

    @property
    def baht_kwh(self) -> Decimal:
        """What B sells on for baht: a fifth of what it has bought."""
        return (self.sell_kwh / 5).quantize(MWH)

    @property
    def refunded_kwh(self) -> Decimal:
        """What B would have sold on, had a guardian seen the payment."""
        return (self.sell_kwh / 10).quantize(MWH)

    @property
    def speed(self) -> int:
        """Simulated seconds per second of the wall clock."""
        return SECONDS_PER_DAY // self.day_seconds


@dataclass(frozen=True, slots=True)
class House:
    """A household of the demo: its name, its meter's model, and the limits that it is built for."""

    key: str
    name: str
    user_type: str
    model: str
    export_limit_w: int
    import_limit_w: int
    daily_export_limit_kwh: int


# The limits are those of a real connection; time is sped up, so they are registered that much
# higher: no check is switched off.
HOUSE_A = House("a", "Solar Home A", "prosumer", "schneider-iem3155", 10_000, 20_000, 100)
HOUSE_B = House("b", "Consumer B", "consumer", "eastron-sdm630", 10_000, 20_000, 100)
HOUSES = (HOUSE_A, HOUSE_B)
