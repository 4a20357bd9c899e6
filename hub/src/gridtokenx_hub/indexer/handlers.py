"""What each event changes in the tables: one function per event, in the program's order.

A handler uses the event and its own program's tables only: the three programs are followed
independently of each other, so nothing may depend on which of them is ahead.
"""

from collections.abc import Mapping, Sequence

import asyncpg

from gridtokenx_hub.indexer import market
from gridtokenx_hub.indexer.changes import Changes, Table
from gridtokenx_hub.indexer.errors import EventUnusable, UnknownEvent
from gridtokenx_hub.indexer.events import ChainEvent, Handler, chain_time
from gridtokenx_hub.leadership import Connection

CONTRADICTIONS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    LookupError,
    TypeError,
)
LIMITS_AND_BASELINE = (
    "export_limit_mw",
    "import_limit_mw",
    "daily_export_limit_mwh",
    "baseline_sequence",
    "baseline_time_ms",
    "baseline_produced_mwh",
    "baseline_consumed_mwh",
    "baseline_surplus_mwh",
)

SETTLE = """
UPDATE settlements SET status = 'settled', minted_mwh = $4, tx_signature = $5,
       error = NULL, updated_at = $6
WHERE meter_id = $1 AND sequence = $2 AND sha256(record) = $3
"""
"""Whatever the outbox believed: this very record is settled now, by this transaction."""
REFUSE_EARLIER = """
UPDATE settlements SET status = 'refused', error = 'SignedBeforeRebase', updated_at = $3
WHERE meter_id = $1 AND sequence < $2 AND status IN ('pending', 'sent')
"""
"""The program takes no earlier reading any more: what waits is lost, and must not look settled.

It comes to the same before and after `SETTLE`: that sets all that this does, and this changes
nothing that is settled.
"""


async def apply(connection: Connection, events: Sequence[ChainEvent]) -> None:
    """Write events of one program into `events` and into the tables that they change.

    They are written together, and all is as if each had been written alone, in their order.

    Raises:
        UnknownEvent: this hub does not know one of them; nothing was written.
        EventUnusable: one contradicts the tables; nothing was written.
    """
    try:
        async with connection.transaction():
            await _changes_of(events).write(connection)
    except CONTRADICTIONS as error:
        raise await _culprit(connection, events, error) from error


async def _culprit(
    connection: Connection, events: Sequence[ChainEvent], error: Exception
) -> EventUnusable:
    """Find the event by writing them one by one, and leave nothing of it."""
    for event in events:
        changes = _changes_of([event])
        try:
            await changes.write(connection)
        except CONTRADICTIONS as its_error:
            return EventUnusable(event, its_error)
    return EventUnusable(events[0], error)


def _changes_of(events: Sequence[ChainEvent]) -> Changes:
    changes = Changes()
    for event in events:
        try:
            handler = HANDLERS[event.program][event.name]
        except KeyError:
            raise UnknownEvent(event.program, event.name) from None
        try:
            _keep(changes, event)
            if handler is not None:
                handler(changes, event)
        except CONTRADICTIONS as error:
            raise EventUnusable(event, error) from error
    return changes


def _keep(changes: Changes, event: ChainEvent) -> None:
    values = {
        "program": event.program,
        "slot": event.slot,
        "tx_signature": event.tx_signature,
        "name": event.name,
        "data": event.as_json(),
        "final": event.final,
    }
    changes.insert(Table.EVENTS, event.sequence, values)


def _user_registered(changes: Changes, event: ChainEvent) -> None:
    wallet = event.text("wallet")
    values = {
        "user_type": event.text("user_type").lower(),
        "registered_at": chain_time(event.integer("timestamp")),
    }
    changes.upsert(Table.USERS, wallet, values, {"name": f"{wallet[:4]}…{wallet[-4:]}"})


def _meter_registered(changes: Changes, event: ChainEvent) -> None:
    values = {
        "owner_wallet": event.text("owner"),
        "algorithm": event.integer("algorithm"),
        "public_key": _public_key(event),
        "status": "active",
        **{name: event.integer(name) for name in LIMITS_AND_BASELINE},
        "baseline_hash": event.octets("baseline_hash"),
        "registered_at": chain_time(event.integer("timestamp")),
    }
    changes.insert(Table.METERS, event.octets("meter_id"), values)


def _public_key(event: ChainEvent, prefix: str = "") -> bytes:
    key = event.octets(f"{prefix}public_key")
    return key[:32] if event.integer(f"{prefix}algorithm") == 0 else key


def _key_rotated(changes: Changes, event: ChainEvent) -> None:
    previous = _public_key(event, "previous_")
    known = any(previous)
    values = {
        "algorithm": event.integer("algorithm"),
        "public_key": _public_key(event),
        "previous_algorithm": event.integer("previous_algorithm") if known else None,
        "previous_public_key": previous if known else None,
        "previous_key_last_sequence": event.integer("previous_key_last_sequence"),
        "status": "active",
    }
    changes.update(Table.METERS, event.octets("meter_id"), values)


def _meter_suspended(changes: Changes, event: ChainEvent) -> None:
    changes.update(Table.METERS, event.octets("meter_id"), {"status": "suspended"})


def _meter_revoked(changes: Changes, event: ChainEvent) -> None:
    changes.update(Table.METERS, event.octets("meter_id"), {"status": "revoked"})


def _meter_transferred(changes: Changes, event: ChainEvent) -> None:
    values = {"owner_wallet": event.text("owner")}
    changes.update(Table.METERS, event.octets("meter_id"), values)


def _meter_settled(changes: Changes, event: ChainEvent) -> None:
    meter_id = event.octets("meter_id")
    values = {**_registers(event), "minted_mwh": event.integer("total_minted_mwh")}
    changes.upsert(Table.LEDGERS, meter_id, values, {})
    changes.command(
        SETTLE,
        meter_id,
        event.integer("reading_sequence"),
        event.octets("record_hash"),
        event.integer("minted_mwh"),
        event.tx_signature,
        chain_time(event.integer("timestamp")),
    )


def _meter_rebased(changes: Changes, event: ChainEvent) -> None:
    meter_id = event.octets("meter_id")
    changes.upsert(Table.LEDGERS, meter_id, _registers(event), {"minted_mwh": 0})
    changes.command(
        REFUSE_EARLIER,
        meter_id,
        event.integer("reading_sequence"),
        chain_time(event.integer("timestamp")),
    )


def _registers(event: ChainEvent) -> dict[str, object]:
    return {
        "last_sequence": event.integer("reading_sequence"),
        "last_time_ms": event.integer("reading_time_ms"),
        "produced_mwh": event.integer("produced_mwh"),
        "consumed_mwh": event.integer("consumed_mwh"),
        "surplus_mwh": event.integer("surplus_mwh"),
    }


HANDLERS: Mapping[str, Mapping[str, Handler | None]] = {  # None: the event itself says it all
    "registry": {
        "DeploymentInitialized": None,
        "RegistrarAppointed": None,
        "UserRegistered": _user_registered,
        "MeterRegistered": _meter_registered,
        "KeyRotated": _key_rotated,
        "MeterSuspended": _meter_suspended,
        "EquivocationReported": _meter_suspended,
        "MeterRevoked": _meter_revoked,
        "MeterTransferred": _meter_transferred,
        "RegistrarDismissed": None,
        "EnergyTokenSet": None,
        "AuthoritySet": None,
    },
    "energy_token": {
        "TokensInitialized": None,
        "GrxMinted": None,
        "LedgerOpened": None,  # a copy of the meter's baseline until the first settlement
        "MeterSettled": _meter_settled,
        "MeterRebased": _meter_rebased,
        "EnergyRedeemed": None,
        "AuthoritySet": None,
    },
    "trading": market.HANDLERS,
}
