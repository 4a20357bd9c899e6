"""What of a household's tokens may be used up, and what was."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from gridtokenx_hub.api.context import ApiContext

REDEMPTIONS = """
SELECT tx_signature, data FROM events
 WHERE data ->> 'meter_id' = ANY ($1) AND program = 'energy_token' AND name = 'EnergyRedeemed'
   AND data ->> 'owner' = $2
 ORDER BY sequence DESC LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a settled meter has recorded beyond its own production, and what of it is covered."""

    meter_id: bytes
    deficit_mwh: int
    redeemed_mwh: int

    @property
    def id(self) -> str:
        """The meter id in 32 hex digits."""
        return self.meter_id.hex()

    @property
    def left_mwh(self) -> int:
        """What is not covered yet."""
        return self.deficit_mwh - self.redeemed_mwh


@dataclass(frozen=True, slots=True)
class Redemption:
    """Tokens of a household that were used up."""

    meter_id: str
    amount_mwh: int
    at: dt.datetime
    tx_signature: str


async def recorded(context: ApiContext, meter_ids: Sequence[bytes]) -> list[Recorded]:
    """Return what the chain has of those of these meters that were settled, in their order.

    Raises:
        ChainError: the node does not answer.
    """
    addresses = [context.addresses.ledger(meter_id) for meter_id in meter_ids]
    program = context.programs["energy_token"]
    found = []
    for meter_id, account in zip(meter_ids, await context.client.accounts(addresses), strict=True):
        if account is not None:
            ledger = program.decode_account("Ledger", account.data)
            found.append(Recorded(meter_id, ledger["deficit_mwh"], ledger["redeemed_mwh"]))
    return found


async def redemptions(
    pool: asyncpg.Pool, wallet: str, meter_ids: Sequence[bytes], limit: int
) -> list[Redemption]:
    """Return what a wallet has used up against these meters, newest first."""
    rows = await pool.fetch(REDEMPTIONS, [each.hex() for each in meter_ids], wallet, limit)
    return [_redemption(row["tx_signature"], json.loads(row["data"])) for row in rows]


def _redemption(tx_signature: str, data: dict[str, object]) -> Redemption:
    return Redemption(
        str(data["meter_id"]),
        int(str(data["amount_mwh"])),
        dt.datetime.fromtimestamp(int(str(data["timestamp"])), dt.UTC),
        tx_signature,
    )
