"""What the chain's events say of a meter: its key, and from where its energy was counted."""

import json
from collections.abc import Mapping
from typing import Any, Literal

import asyncpg

from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.explain.answer import Key, Limits, Previous
from gridtokenx_hub.explain.errors import HistoryMissing
from gridtokenx_hub.explain.transaction import OnChain
from gridtokenx_programs import Program
from gridtokenx_protocol.keys import Algorithm

KEY_EVENTS = """
SELECT name, data, tx_signature FROM events
WHERE program = 'registry' AND data ->> 'meter_id' = $1
  AND name IN ('MeterRegistered', 'KeyRotated')
ORDER BY sequence
"""
INDEXED = "SELECT event_sequence FROM watermarks WHERE program = 'energy_token'"
BEFORE = """
SELECT name, data, tx_signature FROM events
WHERE program = 'energy_token' AND data ->> 'meter_id' = $1
  AND name IN ('MeterSettled', 'MeterRebased') AND sequence < $2
ORDER BY sequence DESC LIMIT 1
"""
_KINDS: Mapping[str, Literal["settlement", "replaced_meter"]] = {
    "MeterSettled": "settlement",
    "MeterRebased": "replaced_meter",
}
_REGISTERED_BY: Mapping[Literal["MeterRegistered", "KeyRotated"], str] = {
    "MeterRegistered": "register_meter",
    "KeyRotated": "rotate_key",
}
_REGISTRAR_AT = 1
_LIMITS = tuple(Limits.model_fields)


class History:
    """Asks the events in the database, and the chain for who signed a registration."""

    def __init__(self, pool: asyncpg.Pool, client: ChainClient, registry: Program) -> None:
        self._pool = pool
        self._client = client
        self._registry = registry

    async def key(self, settled: OnChain) -> tuple[Key, Limits]:
        """Return how the key that signed came into force, and the meter's limits.

        Raises:
            HistoryMissing: The indexer has not read the registration.
        """
        rows = await self._pool.fetch(KEY_EVENTS, settled.record.meter_id.hex())
        events = [(row["name"], json.loads(row["data"]), row["tx_signature"]) for row in rows]
        for name, data, tx_signature in reversed(events):
            if _is_key(data, settled):
                limits = Limits(**{field: events[0][1][field] for field in _LIMITS})
                key = Key(
                    state=_state(events[-1][1], settled),
                    event=name,
                    tx_signature=tx_signature,
                    time=data["timestamp"],
                    registered_by=await self._registrar(name, tx_signature),
                )
                return key, limits
        raise HistoryMissing("the hub has not read the meter's registration yet: try again")

    async def previous(self, settled: OnChain) -> Previous:
        """Return from which registers the energy of a settlement was counted.

        Raises:
            HistoryMissing: The indexer has not read what was before.
        """
        sequence: int = settled.event["sequence"]
        if (await self._pool.fetchval(INDEXED) or 0) < sequence - 1:
            raise HistoryMissing("the hub has not read the settlement before yet: try again")
        meter_id = settled.record.meter_id.hex()
        row = await self._pool.fetchrow(BEFORE, meter_id, sequence)
        if row is None:
            return await self._baseline(meter_id)
        data = json.loads(row["data"])
        return Previous(
            kind=_KINDS[row["name"]],
            tx_signature=row["tx_signature"],
            sequence=data["reading_sequence"],
            time_ms=data["reading_time_ms"],
            produced_mwh=data["produced_mwh"],
            consumed_mwh=data["consumed_mwh"],
            surplus_mwh=data["surplus_mwh"],
            record_hash=data["record_hash"],
            total_minted_mwh=data.get("total_minted_mwh"),
        )

    async def _baseline(self, meter_id: str) -> Previous:
        row = await self._pool.fetchrow(KEY_EVENTS + " LIMIT 1", meter_id)
        if row is None:
            raise HistoryMissing("the hub has not read the meter's registration yet: try again")
        data = json.loads(row["data"])
        return Previous(
            kind="baseline",
            tx_signature=row["tx_signature"],
            sequence=data["baseline_sequence"],
            time_ms=data["baseline_time_ms"],
            produced_mwh=data["baseline_produced_mwh"],
            consumed_mwh=data["baseline_consumed_mwh"],
            surplus_mwh=data["baseline_surplus_mwh"],
            record_hash=data["baseline_hash"],
            total_minted_mwh=0,
        )

    async def _registrar(
        self, event: Literal["MeterRegistered", "KeyRotated"], tx_signature: str
    ) -> str | None:
        transaction = await self._client.transaction(tx_signature)
        if transaction is None:
            return None  # the node has forgotten it
        wanted = self._registry.idl.instructions[_REGISTERED_BY[event]].discriminator
        for instruction in transaction.instructions:
            if instruction.program_id == self._registry.id and instruction.data.startswith(wanted):
                return str(instruction.accounts[_REGISTRAR_AT])
        return None


def _is_key(data: Mapping[str, Any], settled: OnChain, prefix: str = "") -> bool:
    algorithm = Algorithm.ED25519 if settled.proof.algorithm == "ed25519" else Algorithm.P256
    key: str = data[f"{prefix}public_key"]
    return (
        data[f"{prefix}algorithm"] == int(algorithm)
        and key[: len(settled.proof.public_key)] == settled.proof.public_key
    )


def _state(
    newest: Mapping[str, Any], settled: OnChain
) -> Literal["current", "previous", "replaced"]:
    """Say what the key is to the registry now, by the newest event about the meter's keys."""
    if _is_key(newest, settled):
        return "current"
    return "previous" if _is_key(newest, settled, "previous_") else "replaced"
