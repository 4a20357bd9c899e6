"""Rules of what owners and the registrar do with a meter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from model.meter import FAULT, REPLACED, SETTLEMENT, SYNCHRONISED
from model.meter_rules import MeterRules
from model.state import KWH


class StewardRules(MeterRules):
    """Suspension, revocation, transfer, replaced registers."""

    def suspend_meter(self, data: st.DataObject) -> None:
        meter = self.pick_meter(data)
        by = self.mostly(data, "by", self.model.registrar, [meter.owner])
        registrar = {"registrar_key": by, "registrar": self.chain.addresses.registrar(by)}
        self.attempt(
            "suspend_meter",
            lambda: self.model.suspend(meter, by),
            self.chain.stewards.suspend_meter(self.site(meter), **registrar),
            signers=[by],
        )

    def revoke_meter(self, data: st.DataObject) -> None:
        meter = self.pick_meter(data)
        others = [wallet for wallet in self.households if wallet != meter.owner]
        # Seldom by somebody who may: a revoked meter is over.
        by = self.pick(data, "by", [*others, meter.owner, self.model.registrar])
        self.attempt(
            "revoke_meter",
            lambda: self.model.revoke(meter, by),
            self.chain.stewards.revoke_meter(self.site(meter), by),
            signers=[by],
        )

    def transfer_meter(self, data: st.DataObject) -> None:
        meter = self.pick_meter(data)
        owner = self.mostly(data, "owner", meter.owner, self.households[:2])
        heir = self.pick(data, "heir", self.households)
        self.attempt(
            "transfer_meter",
            lambda: self.model.transfer(meter, owner, heir),
            self.chain.stewards.transfer_meter(self.site(meter), heir, owner=owner),
            signers=[self.model.registrar, owner, heir],
        )

    def rebase_meter(self, data: st.DataObject) -> None:
        meter = self.pick_meter(data)
        by = self.mostly(data, "by", self.model.registrar, [meter.owner])
        produced, consumed, surplus = self.pick(data, "registers", [(7, 5, 3), (KWH, KWH, KWH)])
        reading = replace(
            self.next_reading(meter, 0, 0, 0),
            time_ms=self.model.now * 1000,
            produced_mwh=produced,
            consumed_mwh=consumed,
            surplus_mwh=surplus,
            flags=SYNCHRONISED | REPLACED,
        )
        wrong: list[dict[str, Any]] = [
            {"sequence": meter.last.sequence},
            {"sequence": max(1, meter.rebase_sequence - 1)},
            {"time_ms": meter.last.time_ms},
            {"time_ms": reading.time_ms + 60_001},
            {"flags": SYNCHRONISED | SETTLEMENT},
            {"flags": REPLACED},
            {"flags": reading.flags | FAULT},
            {"key": meter.baseline.key},
        ]
        reading = replace(reading, **self.mostly(data, "changed", {}, wrong))
        registrar = {"registrar_key": by, "registrar": self.chain.addresses.registrar(by)}
        self.attempt(
            "rebase_meter",
            lambda: self.model.rebase(meter, reading, by),
            self.proof(reading),
            self.chain.stewards.rebase_meter(self.site(meter), **registrar),
            signers=[by],
        )
