"""Invariant 6: the database's view equals the chain's once the indexer has caught up."""

from collections.abc import Iterator, Mapping

import asyncpg

from gridtokenx_hub.audit.chain_state import Accounts, ChainState, Fields, by_meter
from gridtokenx_hub.audit.findings import CHAIN, DATABASE, Check, Difference, differing
from gridtokenx_hub.leadership import Connection

METER_FIELDS = (
    "export_limit_mw",
    "import_limit_mw",
    "daily_export_limit_mwh",
    "baseline_sequence",
    "baseline_time_ms",
    "baseline_produced_mwh",
    "baseline_consumed_mwh",
    "baseline_surplus_mwh",
    "baseline_hash",
    "previous_key_last_sequence",
)
LEDGER_FIELDS = (
    "last_sequence",
    "last_time_ms",
    "produced_mwh",
    "consumed_mwh",
    "surplus_mwh",
    "minted_mwh",
)
LISTING_FIELDS = ("number", "amount_mwh", "filled_mwh", "price_micro_grx")
OPEN = {"active", "matching"}

LEDGERS = """
SELECT m.meter_id, l.meter_id IS NOT NULL AS settled,
       coalesce(l.last_sequence, baseline_sequence) AS last_sequence,
       coalesce(l.last_time_ms, baseline_time_ms) AS last_time_ms,
       coalesce(l.produced_mwh, baseline_produced_mwh) AS produced_mwh,
       coalesce(l.consumed_mwh, baseline_consumed_mwh) AS consumed_mwh,
       coalesce(l.surplus_mwh, baseline_surplus_mwh) AS surplus_mwh,
       coalesce(l.minted_mwh, 0) AS minted_mwh
FROM meters m LEFT JOIN ledgers l USING (meter_id)
"""
"""A meter without a settlement has its baseline as its ledger, if it has one on chain."""

OUTBOX = """
SELECT s.meter_id, s.sequence, s.status, s.minted_mwh,
       (e.data ->> 'minted_mwh')::bigint AS minted_on_chain
FROM settlements s FULL JOIN events e
  ON e.program = 'energy_token' AND e.name = 'MeterSettled'
 AND e.data ->> 'record_hash' = encode(sha256(s.record), 'hex')
WHERE s.id IS NOT NULL
  AND (s.status = 'settled') IS DISTINCT FROM (e.sequence IS NOT NULL)
   OR s.minted_mwh <> (e.data ->> 'minted_mwh')::bigint
ORDER BY s.id
"""


async def check_view(connection: Connection, chain: ChainState) -> Check:
    """Each row that tells of an account on chain tells what it is, and none is missing."""
    differences = [
        *await _deployment(connection, chain),
        *await _events(connection, chain),
        *await _users(connection, chain),
        *await _meters(connection, chain),
        *await _ledgers(connection, chain),
        *await _orders(connection, chain),
        *await _offers(connection, chain),
        *await _reservations(connection, chain),
        *await _outbox(connection),
    ]
    compared = {f"{kind.lower()}s": len(found) for kind, found in chain.accounts.items()}
    compared |= {f"{program}_events": count for program, count in chain.events.items()}
    compared["settlements"] = await connection.fetchval("SELECT count(*) FROM settlements")
    return Check(6, "the database's view equals the chain's", compared, differences)


async def _deployment(connection: Connection, chain: ChainState) -> Iterator[Difference]:
    known = await connection.fetchval("SELECT deployment FROM hub_state")
    return differing("deployment", known, chain.deployment)


async def _events(connection: Connection, chain: ChainState) -> list[Difference]:
    rows = await connection.fetch(
        "SELECT w.program, event_sequence, (SELECT count(*) FROM events e"
        " WHERE e.program = w.program) AS kept FROM watermarks w"
    )
    watermarks = {row["program"]: row["event_sequence"] for row in rows}
    kept = {row["program"]: row["kept"] for row in rows}
    differences: list[Difference] = []
    for program, sent in chain.events.items():
        differences += differing(f"events of {program}", watermarks.get(program, 0), sent)
        if kept.get(program, 0) != watermarks.get(program, 0):
            differences.append(
                Difference(
                    f"events of {program} in the database",
                    {"up to the watermark": watermarks.get(program, 0), "kept": kept[program]},
                )
            )
    return differences


async def _users(connection: Connection, chain: ChainState) -> list[Difference]:
    rows = await connection.fetch(
        "SELECT wallet, user_type FROM users WHERE registered_at IS NOT NULL"
    )
    known = {row["wallet"]: row["user_type"] for row in rows}
    registered = {
        str(fields["wallet"]): fields["user_type"].lower()
        for fields in chain.accounts["User"].values()
    }
    return [
        difference
        for wallet in known.keys() | registered.keys()
        for difference in differing(f"user {wallet}", known.get(wallet), registered.get(wallet))
    ]


async def _meters(connection: Connection, chain: ChainState) -> list[Difference]:
    rows = {row["meter_id"]: row for row in await connection.fetch("SELECT * FROM meters")}
    accounts = by_meter(chain.accounts["Meter"])
    differences: list[Difference] = []
    for meter_id in rows.keys() | accounts.keys():
        name = f"meter {meter_id.hex()}"
        row, account = rows.get(meter_id), accounts.get(meter_id)
        if row is None or account is None:
            differences += _absent(name, row, account)
            continue
        differences += _fields(name, row, account, METER_FIELDS)
        differences += differing(f"{name} owner", row["owner_wallet"], str(account["owner"]))
        differences += differing(f"{name} status", row["status"], account["status"].lower())
        key = (row["algorithm"], row["public_key"])
        differences += differing(f"{name} key", key, _key(account["key"]))
    return differences


def _key(key: Fields) -> tuple[int, bytes]:
    size = 32 if key["algorithm"] == 0 else 33
    return key["algorithm"], key["public_key"][:size]


async def _ledgers(connection: Connection, chain: ChainState) -> list[Difference]:
    rows = {row["meter_id"]: row for row in await connection.fetch(LEDGERS)}
    accounts = by_meter(chain.accounts["Ledger"])
    differences: list[Difference] = []
    for meter_id in rows.keys() | accounts.keys():
        name = f"ledger {meter_id.hex()}"
        row, account = rows.get(meter_id), accounts.get(meter_id)
        if row is not None and account is not None:
            differences += _fields(name, row, account, LEDGER_FIELDS)
        elif row is None or row["settled"]:
            differences += _absent(name, row, account)
    return differences


async def _orders(connection: Connection, chain: ChainState) -> list[Difference]:
    rows = await connection.fetch(
        "SELECT *, order_id AS id, seller_wallet AS owner FROM orders WHERE closed_at IS NULL"
    )
    known = await connection.fetchval("SELECT count(*) FROM orders")
    fields = (*LISTING_FIELDS, "reserved_mwh")
    return [
        *differing("number of orders", known, chain.orders_numbered),
        *_listings("order", rows, chain.accounts["Order"], "seller", fields),
    ]


async def _offers(connection: Connection, chain: ChainState) -> list[Difference]:
    rows = await connection.fetch(
        "SELECT *, offer_id AS id, buyer_wallet AS owner FROM offers WHERE closed_at IS NULL"
    )
    known = await connection.fetchval("SELECT count(*) FROM offers")
    return [
        *differing("number of offers", known, chain.offers_numbered),
        *_listings("offer", rows, chain.accounts["Offer"], "buyer", LISTING_FIELDS),
    ]


async def _reservations(connection: Connection, chain: ChainState) -> list[Difference]:
    query = "SELECT *, reservation_id AS id FROM reservations WHERE status = 'open'"
    rows = {row["id"]: row for row in await connection.fetch(query)}
    accounts = {str(address): a for address, a in chain.accounts["Reservation"].items()}
    differences: list[Difference] = []
    for entry in rows.keys() | accounts.keys():
        row, account = rows.get(entry), accounts.get(entry)
        name = f"reservation {entry}"
        if row is None or account is None:
            differences += _absent(name, row, account)
            continue
        differences += differing(f"{name} amount_mwh", row["amount_mwh"], account["amount_mwh"])
        price = account["payment_micro_grx"]
        differences += differing(f"{name} micro_grx", row["micro_grx"], price)
    return differences


async def _outbox(connection: Connection) -> list[Difference]:
    """A reading is settled in the outbox when the chain says so, and only then."""
    return [
        Difference(
            f"settlement of reading {row['sequence']} of meter {row['meter_id'].hex()}",
            {
                DATABASE: f"{row['status']}, {row['minted_mwh']} mWh minted",
                CHAIN: "not there"
                if row["minted_on_chain"] is None
                else f"{row['minted_on_chain']} mWh minted",
            },
        )
        for row in await connection.fetch(OUTBOX)
    ]


def _listings(
    kind: str,
    rows: list[asyncpg.Record],
    accounts: Accounts,
    owner: str,
    fields: tuple[str, ...],
) -> list[Difference]:
    """Compare orders or offers."""
    by_id = {row["id"]: row for row in rows}
    on_chain = {str(address): account for address, account in accounts.items()}
    differences: list[Difference] = []
    for entry in by_id.keys() | on_chain.keys():
        row, account = by_id.get(entry), on_chain.get(entry)
        name = f"{kind} {entry}"
        if row is None or account is None:
            differences += _absent(name, row, account)
            continue
        differences += _fields(name, row, account, fields)
        differences += differing(f"{name} {owner}", row["owner"], str(account[owner]))
        differences += differing(f"{name} status", row["status"], account["status"].lower())
    return differences


def _fields(
    name: str, row: asyncpg.Record, account: Fields, fields: tuple[str, ...]
) -> Iterator[Difference]:
    for field in fields:
        yield from differing(f"{name} {field}", row[field], account[field])


def _absent(
    name: str, row: asyncpg.Record | None, account: Mapping[str, object] | None
) -> Iterator[Difference]:
    return differing(
        name,
        "missing" if row is None else "there",
        "missing" if account is None else "there",
    )
