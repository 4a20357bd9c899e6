"""What meters show over HTTP: their health, readings, roll-ups and settlements."""

from typing import Literal

from pydantic import Field

from gridtokenx_hub.api.http.fields import (
    EXAMPLE_SIGNATURE,
    EXAMPLE_TIME,
    EXAMPLE_WALLET,
    Energy,
    Number,
)
from gridtokenx_hub.api.http.models import In, Out
from gridtokenx_hub.api.http.pagination import NEXT

EXAMPLE_METER = "9f2c4e1ab07d4c55a1e3b6d8f0c2e4a6"
MeterStatus = Literal["active", "suspended", "revoked"]
ClockName = Literal["unknown", "relative", "informative", "synchronised"]
FlagName = Literal["settlement", "gap", "meter_fault", "register_replaced", "tamper"]
SettlementStatus = Literal["pending", "sent", "settled", "refused", "superseded"]


class MeterSummary(Out):
    """A meter in a list."""

    meter_id: str = Field(examples=[EXAMPLE_METER])
    owner_wallet: str = Field(examples=[EXAMPLE_WALLET])
    status: MeterStatus
    registered_at: str = Field(examples=[EXAMPLE_TIME])
    online: bool | None = Field(None, description="left out until its device says so itself")


class MeterList(Out):
    """Meters by their ids."""

    meters: list[MeterSummary]
    next: str | None = Field(None, description=NEXT)


class Reading(Out):
    """One reading that a device signed; energies are registers, counted since the meter was made.

    A settlement reading has no power, voltage, current and frequency: they are 0.
    """

    sequence: int = Field(examples=[17])
    time: str = Field(examples=["2025-11-24T10:30:00.000Z"])
    produced_kwh: Number
    consumed_kwh: Number
    surplus_kwh: Number
    active_power_w: Number
    voltage_v: Number
    current_a: Number
    frequency_hz: Number
    clock: ClockName
    flags: list[FlagName]


class Readings(Out):
    """A meter's readings, newest first."""

    readings: list[Reading]
    next: str | None = Field(None, description=NEXT)


class Period(Out):
    """A quarter-hour or a day; energies are the registers at its last reading.

    What was produced in a period is the difference to the period before.
    """

    start: str = Field(examples=[EXAMPLE_TIME])
    readings: int = Field(examples=[90])
    produced_kwh: Number
    consumed_kwh: Number
    surplus_kwh: Number
    lowest_power_w: Number | None = Field(
        None, description="left out where there are settlement readings alone"
    )
    highest_power_w: Number | None = None


class Periods(Out):
    """A meter's quarter-hours or days, newest first."""

    periods: list[Period]
    next: str | None = Field(None, description=NEXT)


class Quarantined(Out):
    """Messages of this meter that were refused; the last of them."""

    count: int = Field(examples=[1])
    last_at: str = Field(examples=[EXAMPLE_TIME])
    last_reason: str = Field(examples=["revoked"])


class MeterDetails(MeterSummary):
    """A meter with its health."""

    export_limit_w: Number
    import_limit_w: Number
    daily_export_limit_kwh: Number
    online_changed_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    agent_version: str | None = Field(None, examples=["0.1.0"])
    profile: str | None = Field(None, examples=["schneider-iem3155"])
    last_reading: Reading | None = None
    acknowledged_sequence: int | None = Field(None, examples=[17])
    missing: int | None = Field(
        None, description="readings below the highest that have not come yet, at most"
    )
    quarantined: Quarantined | None = None
    certificate_expires_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    settled_sequence: int | None = Field(None, examples=[16])
    minted_kwh: Number


class MeterSettlement(Out):
    """A settlement reading on its way to the chain, or there."""

    meter_id: str = Field(examples=[EXAMPLE_METER])
    sequence: int = Field(examples=[16])
    time: str = Field(examples=[EXAMPLE_TIME])
    status: SettlementStatus
    minted_kwh: Number | None = None
    tx_signature: str | None = Field(None, examples=[EXAMPLE_SIGNATURE])
    error: str | None = Field(None, examples=["TimeNotHigher"])


class Settlements(Out):
    """Settlements, newest first."""

    settlements: list[MeterSettlement]
    next: str | None = Field(None, description=NEXT)


class Redeem(In):
    """Use up energy tokens against what a meter recorded as consumed."""

    amount_mwh: Energy = Field(alias="amount_kwh")


class Redeemed(Out):
    """Energy tokens that are used up."""

    meter_id: str = Field(examples=[EXAMPLE_METER])
    amount_kwh: Number
    redeemed_kwh: Number = Field(description="of this meter so far")
    deficit_kwh: Number = Field(description="consumed beyond its own production, over its life")
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
