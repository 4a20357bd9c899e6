"""The model of registry and energy-token: users, keys, settlement and redemption."""

from __future__ import annotations

import hashlib
from typing import Any

from model.meter import (
    AHEAD_MS,
    DAY_MS,
    FAULT,
    GAP,
    INTERVAL_MS,
    REPLACED,
    SETTLEMENT,
    SYNCHRONISED,
    TAMPER,
    Meter,
    Reading,
    device_key,
    most,
)
from model.state import Address, Event, State, require


class Metering(State):
    """registry and energy-token."""

    deployment: bytes

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.meters: dict[bytes, Meter] = {}

    def register_user(self, wallet: Address, address: Address, sponsor: Address) -> Event:
        require(wallet not in self.users, "UserAlreadyRegistered")
        self.users.add(wallet)
        self.sponsored[address] = sponsor
        return self.tell(
            "registry", "UserRegistered", wallet=wallet, user_type="Prosumer", timestamp=self.now
        )

    def open_meter(self, meter: Meter) -> None:
        """A meter is registered and its ledger open."""
        self.meters[meter.meter_id] = meter
        self.sequences["registry"] += 1
        self.sequences["energy_token"] += 1

    def suspend(self, meter: Meter, by: Address) -> Event:
        require(by == self.registrar, "Unauthorized")
        require(meter.status != "Revoked", "MeterRevoked")
        require(meter.status == "Active", "MeterNotActive")
        meter.status = "Suspended"
        return self._told(meter, "MeterSuspended", suspended_by=by)

    def revoke(self, meter: Meter, by: Address) -> Event:
        require(by in (meter.owner, self.registrar), "Unauthorized")
        require(meter.status != "Revoked", "MeterRevoked")
        meter.status = "Revoked"
        return self._told(meter, "MeterRevoked", revoked_by=by)

    def rotate(self, meter: Meter, owner: Address, reading: Reading) -> Event:
        require(meter.owner == owner, "Unauthorized")
        require(meter.status != "Revoked", "MeterRevoked")
        require(reading.deployment == self.deployment, "WrongDeployment")
        require(reading.meter_id == meter.meter_id, "WrongMeter")
        require(reading.flags & ~GAP == SYNCHRONISED, "InvalidFlags")
        require(reading.load == bytes(20), "TelemetryDisclosed")
        age_ms = self.now * 1000 - reading.time_ms
        require(-AHEAD_MS <= age_ms <= DAY_MS, "TimeOutOfRange")
        require(reading.key not in (meter.key, meter.previous_key), "KeyNotNew")
        last = reading.sequence - 1
        require(last > meter.previous_key_last_sequence, "SequenceNotHigher")
        meter.previous_key = meter.key if meter.status == "Active" else None
        meter.previous_key_last_sequence = last
        meter.key, meter.status = reading.key, "Active"
        algorithm, public_key = device_key(meter.key)
        previous_algorithm, previous_public_key = device_key(meter.previous_key)
        return self._told(
            meter, "KeyRotated", algorithm=algorithm, public_key=public_key,
            previous_algorithm=previous_algorithm, previous_public_key=previous_public_key,
            previous_key_last_sequence=last,
        )  # fmt: skip

    def transfer(self, meter: Meter, owner: Address, heir: Address) -> Event:
        require(heir in self.users, "UserNotRegistered")
        require(meter.status != "Revoked", "MeterRevoked")
        require(meter.status == "Active", "MeterNotActive")
        require(meter.owner == owner, "Unauthorized")
        require(owner != heir, "SameOwner")
        require(self.now * 1000 < meter.last.time_ms + INTERVAL_MS, "NotSettled")
        meter.owner = heir
        return self._told(meter, "MeterTransferred", previous_owner=owner, owner=heir)

    def settle(self, meter: Meter, reading: Reading, paid_to: Address) -> Event:
        require(paid_to == meter.owner, "InvalidTokenAccount")
        self._check_reading(meter, reading, kind=SETTLEMENT)
        require(reading.time_ms % INTERVAL_MS == 0, "NotIntervalBoundary")
        elapsed_ms = self._check_order(meter, reading)
        last, limits = meter.last, meter.limits
        produced = reading.produced_mwh - last.produced_mwh
        consumed = reading.consumed_mwh - last.consumed_mwh
        surplus = reading.surplus_mwh - last.surplus_mwh
        require(min(produced, consumed, surplus) >= 0, "RegisterFell")
        require(max(0, produced - consumed) <= surplus <= produced, "FalseSurplus")
        require(produced <= most(limits.export_limit_mw, elapsed_ms), "ExportLimitExceeded")
        require(consumed <= most(limits.import_limit_mw, elapsed_ms), "ImportLimitExceeded")
        allowance = meter.refilled(reading.time_ms)
        require(produced <= allowance, "DailyLimitExceeded")
        meter.allowance_mwh = allowance - produced
        meter.deficit_mwh += consumed - produced + surplus
        meter.minted_mwh += surplus
        meter.last = reading
        self.energy[meter.owner] += surplus
        self.other_energy[meter.owner] += surplus
        self.energy_minted += surplus
        return self._settled(
            meter, "MeterSettled", owner=meter.owner,
            minted_mwh=surplus, total_minted_mwh=meter.minted_mwh,
        )  # fmt: skip

    def rebase(self, meter: Meter, reading: Reading, by: Address) -> Event:
        require(by == self.registrar, "Unauthorized")
        self._check_reading(meter, reading, kind=REPLACED)
        self._check_order(meter, reading)
        meter.allowance_mwh = meter.refilled(reading.time_ms)
        meter.replaced_surplus_mwh += meter.last.surplus_mwh - meter.started_mwh
        meter.started_mwh, meter.rebase_sequence = reading.surplus_mwh, reading.sequence
        meter.last = reading
        return self._settled(meter, "MeterRebased")

    def redeem(self, meter: Meter, owner: Address, amount_mwh: int) -> Event:
        require(amount_mwh != 0, "InvalidAmount")
        require(owner == meter.owner, "Unauthorized")
        require(meter.redeemed_mwh + amount_mwh <= meter.deficit_mwh, "DeficitExceeded")
        require(amount_mwh <= self.energy[owner], "InsufficientBalance")
        meter.redeemed_mwh += amount_mwh
        self.energy[owner] -= amount_mwh
        self.other_energy[owner] -= amount_mwh
        self.energy_redeemed += amount_mwh
        return self.tell(
            "energy_token", "EnergyRedeemed", meter_id=meter.meter_id, owner=owner,
            amount_mwh=amount_mwh, redeemed_mwh=meter.redeemed_mwh,
            deficit_mwh=meter.deficit_mwh, timestamp=self.now,
        )  # fmt: skip

    def _check_reading(self, meter: Meter, reading: Reading, kind: int) -> None:
        """The reading is this meter's, rightly signed, of the kind, and not of the future."""
        require(reading.deployment == self.deployment, "WrongDeployment")
        require(reading.meter_id == meter.meter_id, "WrongMeter")
        require(meter.status == "Active", "MeterNotActive")
        require(reading.key == meter.signer(reading.sequence), "WrongKey")
        require(reading.flags < 2 * TAMPER, "UnknownFlags")
        require(
            bool(reading.flags & kind), "NotSettlement" if kind == SETTLEMENT else "NotReplaced"
        )
        require(reading.flags & 3 == SYNCHRONISED, "ClockNotSynchronised")
        faults = FAULT | TAMPER | (REPLACED if kind == SETTLEMENT else 0)
        require(not reading.flags & faults, "MeterFaulty")
        require(reading.load == bytes(20), "TelemetryDisclosed")
        require(reading.time_ms <= self.now * 1000 + AHEAD_MS, "TimeInFuture")

    def _check_order(self, meter: Meter, reading: Reading) -> int:
        """The reading comes after the ledger's last; returns the milliseconds between them."""
        require(reading.sequence >= meter.rebase_sequence, "SignedBeforeRebase")
        require(reading.sequence > meter.last.sequence, "SequenceNotHigher")
        require(reading.time_ms > meter.last.time_ms, "TimeNotHigher")
        return reading.time_ms - meter.last.time_ms

    def _told(self, meter: Meter, name: str, **fields: Any) -> Event:
        return self.tell("registry", name, meter_id=meter.meter_id, timestamp=self.now, **fields)

    def _settled(self, meter: Meter, name: str, **fields: Any) -> Event:
        last = meter.last
        return self.tell(
            "energy_token", name, meter_id=meter.meter_id, reading_sequence=last.sequence,
            reading_time_ms=last.time_ms, produced_mwh=last.produced_mwh,
            consumed_mwh=last.consumed_mwh, surplus_mwh=last.surplus_mwh,
            record_hash=hashlib.sha256(last.record).digest(), timestamp=self.now, **fields,
        )  # fmt: skip
