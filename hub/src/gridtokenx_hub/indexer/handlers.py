"""What each event changes in the tables: one function per event, in the program's order.

A handler uses the event and its own program's tables only: the three programs are followed
independently of each other, so nothing may depend on which of them is ahead.
"""

from collections.abc import Mapping

import asyncpg

from gridtokenx_hub.indexer import market
from gridtokenx_hub.indexer.errors import EventUnusable, UnknownEvent
from gridtokenx_hub.indexer.events import ChainEvent, Handler, chain_time
from gridtokenx_hub.leadership import Connection

CONTRADICTIONS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    LookupError,
    TypeError,
)


async def apply(connection: Connection, event: ChainEvent) -> None:
    """Write `event` into `events` and into the tables that it changes.

    Raises:
        UnknownEvent: this hub does not know the event; nothing was written.
        EventUnusable: it contradicts the tables; the database's transaction has to be given up.
    """
    try:
        handler = HANDLERS[event.program][event.name]
    except KeyError:
        raise UnknownEvent(event.program, event.name) from None
    try:
        await _keep(connection, event)
        if handler is not None:
            await handler(connection, event)
    except CONTRADICTIONS as error:
        raise EventUnusable(event.program, event.sequence, event.name, error) from error


async def _keep(connection: Connection, event: ChainEvent) -> None:
    await connection.execute(
        "INSERT INTO events (program, sequence, slot, tx_signature, name, data, final)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        event.program,
        event.sequence,
        event.slot,
        event.tx_signature,
        event.name,
        event.as_json(),
        event.final,
    )


async def _user_registered(connection: Connection, event: ChainEvent) -> None:
    wallet = event.text("wallet")
    await connection.execute(
        "INSERT INTO users (wallet, name, user_type, registered_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (wallet) DO UPDATE SET user_type = excluded.user_type,"
        " registered_at = excluded.registered_at",
        wallet,
        f"{wallet[:4]}…{wallet[-4:]}",
        event.text("user_type").lower(),
        chain_time(event.integer("timestamp")),
    )


async def _meter_registered(connection: Connection, event: ChainEvent) -> None:
    await connection.execute(
        "INSERT INTO meters (meter_id, owner_wallet, algorithm, public_key, status,"
        " export_limit_mw, import_limit_mw, daily_export_limit_mwh, baseline_sequence,"
        " baseline_time_ms, baseline_produced_mwh, baseline_consumed_mwh, baseline_surplus_mwh,"
        " baseline_hash, registered_at)"
        " VALUES ($1, $2, $3, $4, 'active', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        event.octets("meter_id"),
        event.text("owner"),
        event.integer("algorithm"),
        _public_key(event),
        event.integer("export_limit_mw"),
        event.integer("import_limit_mw"),
        event.integer("daily_export_limit_mwh"),
        event.integer("baseline_sequence"),
        event.integer("baseline_time_ms"),
        event.integer("baseline_produced_mwh"),
        event.integer("baseline_consumed_mwh"),
        event.integer("baseline_surplus_mwh"),
        event.octets("baseline_hash"),
        chain_time(event.integer("timestamp")),
    )


def _public_key(event: ChainEvent, prefix: str = "") -> bytes:
    key = event.octets(f"{prefix}public_key")
    return key[:32] if event.integer(f"{prefix}algorithm") == 0 else key


async def _key_rotated(connection: Connection, event: ChainEvent) -> None:
    previous = _public_key(event, "previous_")
    known = any(previous)
    await connection.execute(
        "UPDATE meters SET algorithm = $2, public_key = $3, previous_algorithm = $4,"
        " previous_public_key = $5, previous_key_last_sequence = $6,"
        " status = 'active' WHERE meter_id = $1",
        event.octets("meter_id"),
        event.integer("algorithm"),
        _public_key(event),
        event.integer("previous_algorithm") if known else None,
        previous if known else None,
        event.integer("previous_key_last_sequence"),
    )


async def _meter_suspended(connection: Connection, event: ChainEvent) -> None:
    await _set_status(connection, event, "suspended")


async def _meter_revoked(connection: Connection, event: ChainEvent) -> None:
    await _set_status(connection, event, "revoked")


async def _set_status(connection: Connection, event: ChainEvent, status: str) -> None:
    await connection.execute(
        "UPDATE meters SET status = $2 WHERE meter_id = $1", event.octets("meter_id"), status
    )


async def _meter_transferred(connection: Connection, event: ChainEvent) -> None:
    await connection.execute(
        "UPDATE meters SET owner_wallet = $2 WHERE meter_id = $1",
        event.octets("meter_id"),
        event.text("owner"),
    )


async def _meter_settled(connection: Connection, event: ChainEvent) -> None:
    meter_id = event.octets("meter_id")
    sequence = event.integer("reading_sequence")
    await connection.execute(
        "INSERT INTO ledgers (meter_id, last_sequence, last_time_ms, produced_mwh, consumed_mwh,"
        " surplus_mwh, minted_mwh) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (meter_id) DO UPDATE SET last_sequence = excluded.last_sequence,"
        " last_time_ms = excluded.last_time_ms, produced_mwh = excluded.produced_mwh,"
        " consumed_mwh = excluded.consumed_mwh, surplus_mwh = excluded.surplus_mwh,"
        " minted_mwh = excluded.minted_mwh",
        meter_id,
        sequence,
        event.integer("reading_time_ms"),
        event.integer("produced_mwh"),
        event.integer("consumed_mwh"),
        event.integer("surplus_mwh"),
        event.integer("total_minted_mwh"),
    )
    # Whatever the outbox believed: this very record is settled now, by this transaction.
    await connection.execute(
        "UPDATE settlements SET status = 'settled', minted_mwh = $4, tx_signature = $5,"
        " error = NULL, updated_at = $6"
        " WHERE meter_id = $1 AND sequence = $2 AND sha256(record) = $3",
        meter_id,
        sequence,
        event.octets("record_hash"),
        event.integer("minted_mwh"),
        event.tx_signature,
        chain_time(event.integer("timestamp")),
    )


async def _meter_rebased(connection: Connection, event: ChainEvent) -> None:
    meter_id = event.octets("meter_id")
    sequence = event.integer("reading_sequence")
    await connection.execute(
        "INSERT INTO ledgers (meter_id, last_sequence, last_time_ms, produced_mwh, consumed_mwh,"
        " surplus_mwh, minted_mwh) VALUES ($1, $2, $3, $4, $5, $6, 0)"
        " ON CONFLICT (meter_id) DO UPDATE SET last_sequence = excluded.last_sequence,"
        " last_time_ms = excluded.last_time_ms, produced_mwh = excluded.produced_mwh,"
        " consumed_mwh = excluded.consumed_mwh, surplus_mwh = excluded.surplus_mwh",
        meter_id,
        sequence,
        event.integer("reading_time_ms"),
        event.integer("produced_mwh"),
        event.integer("consumed_mwh"),
        event.integer("surplus_mwh"),
    )
    # The program takes no earlier reading any more: what waits is lost, and must not look settled.
    await connection.execute(
        "UPDATE settlements SET status = 'refused', error = 'SignedBeforeRebase', updated_at = $3"
        " WHERE meter_id = $1 AND sequence < $2 AND status IN ('pending', 'sent')",
        meter_id,
        sequence,
        chain_time(event.integer("timestamp")),
    )


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
