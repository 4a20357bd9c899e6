"""Meters with what tells whether they are well."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import asyncpg

from gridtokenx_protocol.record import Flag

SILENT_AFTER = dt.timedelta(minutes=20)
"""A meter that reads at least once a quarter-hour and is not heard for so long is silent."""

METERS = """
SELECT m.meter_id, m.owner_wallet, coalesce(u.name, m.owner_wallet) AS owner, m.status,
       m.algorithm, m.registered_at, m.export_limit_mw, m.import_limit_mw,
       m.daily_export_limit_mwh, d.online, d.version, d.profile,
       coalesce(a.sequence, m.baseline_sequence) AS acknowledged,
       coalesce(a.highest_sequence, m.baseline_sequence) AS highest,
       coalesce(l.minted_mwh, 0) AS minted_mwh,
       coalesce(l.surplus_mwh, m.baseline_surplus_mwh) AS settled_surplus_mwh,
       r.time AS heard_at, r.flags, r.active_power_mw, r.voltage_mv, r.frequency_mhz,
       coalesce(r.produced_mwh, m.baseline_produced_mwh) AS produced_mwh,
       coalesce(r.consumed_mwh, m.baseline_consumed_mwh) AS consumed_mwh,
       coalesce(r.surplus_mwh, m.baseline_surplus_mwh) AS surplus_mwh
  FROM meters m
  LEFT JOIN users u ON u.wallet = m.owner_wallet
  LEFT JOIN device_status d USING (meter_id)
  LEFT JOIN acks a USING (meter_id)
  LEFT JOIN ledgers l USING (meter_id)
  LEFT JOIN LATERAL (
       SELECT time, flags, active_power_mw, voltage_mv, frequency_mhz,
              produced_mwh, consumed_mwh, surplus_mwh
         FROM readings WHERE meter_id = m.meter_id AND flags & 4 = 0
        ORDER BY sequence DESC LIMIT 1) r ON true
"""


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter as its owner sees it; `heard_at` is the time of its last reading."""

    meter_id: bytes
    owner_wallet: str
    owner: str
    status: str
    algorithm: int
    registered_at: dt.datetime
    export_limit_mw: int
    import_limit_mw: int
    daily_export_limit_mwh: int
    online: bool | None
    version: str | None
    profile: str | None
    acknowledged: int
    highest: int
    minted_mwh: int
    settled_surplus_mwh: int
    heard_at: dt.datetime | None
    flags: int | None
    active_power_mw: int | None
    voltage_mv: int | None
    frequency_mhz: int | None
    produced_mwh: int
    consumed_mwh: int
    surplus_mwh: int

    @property
    def id(self) -> str:
        """The meter id in 32 hex digits."""
        return self.meter_id.hex()

    @property
    def unsettled_mwh(self) -> int:
        """Surplus that has been measured and is not yet tokens."""
        return self.surplus_mwh - self.settled_surplus_mwh

    def health(self, now: dt.datetime) -> str:
        """Return `revoked`, `suspended`, `new`, `silent`, `fault`, `gaps` or `well`: the worst."""
        if self.status != "active":
            return self.status
        if self.heard_at is None:
            return "new"
        found = {
            "silent": now - self.heard_at > SILENT_AFTER,
            "fault": bool((self.flags or 0) & (Flag.METER_FAULT | Flag.TAMPER)),
            "gaps": self.highest > self.acknowledged,
        }
        return next((name for name, is_so in found.items() if is_so), "well")


async def meters_of(pool: asyncpg.Pool, wallet: str | None, limit: int) -> list[Meter]:
    """Return the meters of a wallet, or all, in the order in which they were registered."""
    rows = await pool.fetch(
        METERS + " WHERE $1::text IS NULL OR m.owner_wallet = $1"
        " ORDER BY m.registered_at, m.meter_id LIMIT $2",
        wallet,
        limit,
    )
    return [_meter(row) for row in rows]


async def meter(pool: asyncpg.Pool, meter_id: bytes) -> Meter | None:
    """Return one meter."""
    row = await pool.fetchrow(METERS + " WHERE m.meter_id = $1", meter_id)
    return None if row is None else _meter(row)


def _meter(row: Any) -> Meter:
    return Meter(**row)
