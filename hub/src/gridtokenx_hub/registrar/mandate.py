"""What the registrar may sign: a row of `provisioning_codes`, as far as the chain is concerned."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import asyncpg
from solders.pubkey import Pubkey

from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.registrar.errors import RegistrarRefused
from gridtokenx_protocol.keys import Algorithm

Purpose = Literal["install", "rotate_key", "replace_meter", "transfer", "revoke"]

MILLIWATTS_PER_WATT = 1_000

PROVEN: frozenset[Purpose] = frozenset({"install", "rotate_key", "replace_meter"})
"""What a reading of the device has to prove."""

SELECT = """
SELECT c.*, owner.wallet AS owner, owner.name AS owner_name, heir.wallet AS new_owner
  FROM provisioning_codes c
  JOIN users owner ON owner.id = c.user_id
  LEFT JOIN users heir ON heir.id = c.new_user_id
"""


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """The public key by which a device signs."""

    algorithm: Algorithm
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """What a meter may measure: power in mW, energy a day in mWh."""

    export_limit_mw: int
    import_limit_mw: int
    daily_export_limit_mwh: int


@dataclass(frozen=True, slots=True)
class Mandate:
    """What may be done with which meter.

    Args:
        code_id: the row.
        purpose: what may be done.
        owner: the meter's owner.
        new_owner: who owns it after a transfer.
        meter_id: 16 bytes; None before an install code is claimed.
        key: the device key that claimed the code.
        limits: of a meter that is to be registered.
    """

    code_id: int
    purpose: Purpose
    owner: Pubkey
    new_owner: Pubkey | None
    meter_id: bytes | None
    key: DeviceKey | None
    limits: Limits | None

    @property
    def consenting(self) -> tuple[Pubkey, ...]:
        """The owners whose signatures the chain asks for."""
        match self.purpose:
            case "install" | "rotate_key":
                return (self.owner,)
            case "transfer" if self.new_owner is not None:
                return (self.owner, self.new_owner)
        return ()


def mandate_of(row: asyncpg.Record) -> Mandate:
    """Return the mandate in a row that `SELECT` found."""
    return Mandate(
        code_id=row["id"],
        purpose=row["purpose"],
        owner=Pubkey.from_string(row["owner"]),
        new_owner=Pubkey.from_string(row["new_owner"]) if row["new_owner"] else None,
        meter_id=row["meter_id"],
        key=(
            DeviceKey(Algorithm(row["algorithm"]), row["public_key"]) if row["public_key"] else None
        ),
        limits=(
            Limits(row["export_limit_mw"], row["import_limit_mw"], row["daily_export_limit_mwh"])
            if row["purpose"] == "install"
            else None
        ),
    )


async def mandate_in_force(connection: Connection, code_id: int, now: dt.datetime) -> Mandate:
    """Return the mandate of a code that may be acted on now.

    Raises:
        RegistrarRefused: withdrawn, done, expired, or not claimed by a device that it needs.
    """
    row = await connection.fetchrow(f"{SELECT} WHERE c.id = $1", code_id)
    if row is None or row["withdrawn_at"] is not None:
        raise RegistrarRefused("UnknownCode", "there is no such code")
    if row["done_at"] is not None:
        raise RegistrarRefused("CodeUsed", "what the code is for is done")
    if row["expires_at"] <= now:
        raise RegistrarRefused("CodeExpired", "the code has expired: issue another")
    mandate = mandate_of(row)
    if mandate.purpose in PROVEN and mandate.key is None:
        raise RegistrarRefused("CodeNotClaimed", "no device has claimed the code")
    return mandate
