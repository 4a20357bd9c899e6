"""Rules of users, meters, settlement and redemption."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from grid import INTERVAL_S, LIMITS, Site
from hypothesis import strategies as st
from model.desk import Desk
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
    TICK_MWH,
    Limits,
    Meter,
    Reading,
    most,
)
from model.state import KWH, Address
from solders.instruction import Instruction

from gridtokenx_programs.precompiles import ED25519, P256

MOST_METERS = 8
# A roof that has more sun than the grid lets it sell in a day, and one that never has.
ROOFS = (LIMITS | {"daily_export_limit_mwh": 5 * KWH}, LIMITS)


class MeterRules(Desk):
    """What happens to meters."""

    def __init__(self) -> None:
        super().__init__()
        self.settled: list[tuple[Meter, Reading]] = []

    def site(self, meter: Meter) -> Site:
        """A meter in the harness's words."""
        owner = self.chain.parties[meter.owner]
        device = self.chain.devices[meter.key]
        return Site(self.chain.grid, device, owner.key, meter.meter_id, token=owner.energy)

    def proof(self, reading: Reading) -> Instruction:
        """The instruction that proves a reading's signature."""
        return self.chain.devices[reading.key].proof(reading.record)

    def register_meter(self, owner: Address, limits: dict[str, int]) -> Meter:
        """A meter of a registered owner, with its ledger open."""
        number = len(self.model.meters)
        baseline = Reading(
            self.chain.device(P256 if number % 2 else ED25519), self.model.deployment,
            bytes([number + 1]) * 16, sequence=1, time_ms=self.model.now * 1000,
            produced_mwh=20_000 * KWH, consumed_mwh=9_000 * KWH, flags=SYNCHRONISED,
        )  # fmt: skip
        grid, meter = self.chain.grid, Meter(owner, baseline, Limits(**limits))
        self.world.send(
            self.proof(baseline),
            grid.register_meter(owner, meter.meter_id, limits),
            grid.open_ledger(meter.meter_id),
            signers=[grid.registrar, self.chain.keys[owner]],
        )
        self.model.open_meter(meter)
        return meter

    def next_reading(self, meter: Meter, produced: int, consumed: int, surplus: int) -> Reading:
        """The meter's reading at the last interval boundary."""
        last = meter.last
        return replace(
            last,
            key=meter.signer(last.sequence + 1) or meter.key,
            sequence=last.sequence + 1,
            time_ms=self.model.now * 1000 // INTERVAL_MS * INTERVAL_MS,
            produced_mwh=last.produced_mwh + produced,
            consumed_mwh=last.consumed_mwh + consumed,
            surplus_mwh=last.surplus_mwh + surplus,
            flags=SYNCHRONISED | SETTLEMENT,
        )

    def try_settle(self, meter: Meter, reading: Reading, paid_to: Address) -> None:
        token = self.chain.parties[paid_to].energy
        done = self.attempt(
            "settle_meter",
            lambda: self.model.settle(meter, reading, paid_to),
            self.proof(reading),
            self.chain.grid.settle_meter(meter.meter_id, token),
        )
        if done:
            self.settled.append((meter, reading))

    def try_register_user(self, wallet: Address, sponsor: Address) -> None:
        address = self.chain.addresses.user(wallet)
        self.attempt(
            "register_user",
            lambda: self.model.register_user(wallet, address, sponsor),
            self.chain.grid.register_user(wallet, payer=sponsor),
            signers=[wallet, sponsor],
        )

    def register_user(self, data: st.DataObject) -> None:
        wallet = self.pick(data, "wallet", self.wallets)
        self.try_register_user(wallet, self.pick(data, "payer", self.sponsors))

    def new_meter(self, data: st.DataObject) -> None:
        owner = self.pick(data, "owner", [one for one in self.wallets if one in self.model.users])
        self.register_meter(owner, self.pick(data, "limits", ROOFS))

    def pick_meter(self, data: st.DataObject) -> Meter:
        """A meter, mostly one that still counts."""
        meters = list(self.model.meters.values())
        active = [meter for meter in meters if meter.status == "Active"]
        return self.pick(data, "meter", active * 5 + meters)

    def settle(self, data: st.DataObject) -> None:
        meter = self.pick_meter(data)
        intervals = self.pick(data, "intervals later", [1, 1, 1, 0, 4, 100])
        if intervals:
            self.move_clock(intervals * INTERVAL_S - self.model.now % INTERVAL_S)
        reading = self.believable(data, meter)
        changed = self.mostly(data, "changed", {}, self.spoilt(meter, reading), odds=3)
        reading = replace(reading, **changed)
        paid_to = self.mostly(data, "paid to", meter.owner, self.households[:2])
        self.try_settle(meter, reading, paid_to)

    def believable(self, data: st.DataObject, meter: Meter) -> Reading:
        """The next reading, at or a little beyond what the meter's limits let through."""
        now_ms = self.model.now * 1000 // INTERVAL_MS * INTERVAL_MS
        elapsed_ms = max(0, now_ms - meter.last.time_ms)
        exported = most(meter.limits.export_limit_mw, elapsed_ms)
        allowed = min(exported, meter.refilled(now_ms))
        imported = most(meter.limits.import_limit_mw, elapsed_ms)
        produced = self.pick(
            data,
            "produced",
            [allowed, allowed // 2, TICK_MWH, 0, exported, allowed + 1, exported + 1],
        )
        consumed = self.pick(data, "consumed", [KWH // 2, 0, produced, imported, imported + 1])
        least = max(0, produced - consumed)
        surplus = self.pick(data, "surplus", [least, produced, (least + produced) // 2])
        return self.next_reading(meter, produced, consumed, surplus)

    def spoilt(self, meter: Meter, reading: Reading) -> list[dict[str, Any]]:
        """What may be wrong with a reading."""
        last = meter.last
        return [
            {"sequence": last.sequence},
            {"sequence": max(1, last.sequence - 1)},
            {"time_ms": last.time_ms},
            {"time_ms": reading.time_ms + 1},
            {
                "time_ms": (self.model.now * 1000 + AHEAD_MS) // INTERVAL_MS * INTERVAL_MS
                + INTERVAL_MS
            },
            {"produced_mwh": max(0, last.produced_mwh - 1)},
            {"consumed_mwh": max(0, last.consumed_mwh - 1)},
            {"surplus_mwh": max(0, last.surplus_mwh - 1)},
            {"surplus_mwh": max(0, reading.surplus_mwh - 1)},
            {"surplus_mwh": last.surplus_mwh + reading.produced_mwh - last.produced_mwh + 1},
            {"deployment": bytes(4)},
            {"meter_id": bytes([1]) * 16},
            {"flags": SYNCHRONISED},
            {"flags": SETTLEMENT},
            {"flags": reading.flags | FAULT},
            {"flags": reading.flags | TAMPER},
            {"flags": reading.flags | REPLACED},
            {"flags": reading.flags | 2 * TAMPER},
            {"flags": reading.flags | GAP},
            {"load": bytes([1]).rjust(20, b"\0")},
            {"key": meter.baseline.key},
            {"key": meter.previous_key or meter.key},
            {"sequence": last.sequence + 5, "key": meter.signer(last.sequence + 5)},
        ]

    def settle_again(self, data: st.DataObject) -> None:
        meter, reading = self.pick(data, "settlement", self.settled)
        self.try_settle(meter, reading, meter.owner)

    def redeem(self, data: st.DataObject) -> None:
        meter = self.pick_meter(data)
        owner = self.mostly(data, "owner", meter.owner, self.households[:2])
        left = meter.deficit_mwh - meter.redeemed_mwh
        payable = min(left, self.model.energy[owner])
        amount = self.pick(data, "amount", [min(1_000, payable), payable, 0, payable + 1, left + 1])
        party = self.chain.parties[owner]
        self.attempt(
            "redeem",
            lambda: self.model.redeem(meter, owner, amount),
            self.chain.stewards.redeem(
                self.site(meter), amount, owner=owner, owner_token=party.energy
            ),
            signers=[owner],
        )

    def rotate_key(self, data: st.DataObject) -> None:
        meter = self.pick_meter(data)
        now_ms, sequence = self.model.now * 1000, meter.last.sequence
        new = self.pick(data, "algorithm", [ED25519, P256])
        reading = replace(
            meter.last,
            key=self.chain.device(new),
            sequence=self.pick(data, "from", [sequence + 1, sequence + 3, 2, 1]),
            time_ms=now_ms,
            flags=SYNCHRONISED,
        )
        wrong: list[dict[str, Any]] = [
            {"key": meter.key},
            {"key": meter.previous_key or meter.key},
            {"key": meter.baseline.key},
            {"flags": SYNCHRONISED | GAP},
            {"flags": SYNCHRONISED | SETTLEMENT},
            {"time_ms": now_ms + AHEAD_MS},
            {"time_ms": now_ms + AHEAD_MS + 1},
            {"time_ms": now_ms - DAY_MS},
            {"time_ms": now_ms - DAY_MS - 1},
            {"deployment": bytes(4)},
            {"meter_id": bytes(16)},
            {"load": bytes([1]) * 20},
        ]
        reading = replace(reading, **self.mostly(data, "changed", {}, wrong))
        owner = self.mostly(data, "owner", meter.owner, self.households[:2])
        self.attempt(
            "rotate_key",
            lambda: self.model.rotate(meter, owner, reading),
            self.proof(reading),
            self.chain.stewards.rotate_key(self.site(meter), owner=owner),
            signers=[self.model.registrar, owner],
        )
