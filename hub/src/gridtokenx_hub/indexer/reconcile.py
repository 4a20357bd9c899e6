"""Does the database's view equal the chain's? Asked when the indexer has caught up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount

from gridtokenx_hub.chain import ChainClient
from gridtokenx_programs import Addresses, Program

LEDGER_FIELDS = (
    "last_sequence",
    "last_time_ms",
    "produced_mwh",
    "consumed_mwh",
    "surplus_mwh",
    "minted_mwh",
)
OPEN = {"active", "matching"}
ORDER_FIELDS = ("number", "seller_wallet", "amount_mwh", "filled_mwh", "price_micro_grx", "status")


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that the database and the chain do not agree on."""

    what: str
    in_database: object
    on_chain: object

    def __str__(self) -> str:
        """Say it in a sentence."""
        return f"{self.what} is {self.in_database} in the database and {self.on_chain} on chain"


async def reconcile(
    pool: asyncpg.Pool, client: ChainClient, programs: Mapping[str, Program], addresses: Addresses
) -> list[Difference]:
    """Compare event counts, ledgers, orders and token supplies with the accounts on chain.

    Returns:
        What differs; nothing when the indexer has caught up and the invariants hold.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    chain = _Chain(client, programs)
    return [
        *await _event_counts(pool, chain, addresses),
        *await _ledgers(pool, chain, addresses),
        *await _orders(pool, chain, addresses),
        *await _supplies(pool, client, addresses),
    ]


@dataclass(frozen=True, slots=True)
class _Chain:
    client: ChainClient
    programs: Mapping[str, Program]

    async def decoded(
        self, program: str, kind: str, addresses: Sequence[Pubkey]
    ) -> list[dict[str, Any] | None]:
        """Return the fields of these accounts; None for those that the program does not have."""
        owner = self.programs[program]
        found: list[dict[str, Any] | None] = []
        for account in await self.client.accounts(addresses):
            if account is None or account.owner != owner.id:
                found.append(None)
            else:
                found.append(owner.decode_account(kind, account.data))
        return found


async def _event_counts(
    pool: asyncpg.Pool, chain: _Chain, addresses: Addresses
) -> list[Difference]:
    rows = await pool.fetch("SELECT program, event_sequence FROM watermarks")
    counted = {row["program"]: row["event_sequence"] for row in rows}
    counters = {
        "registry": ("Config", addresses.registry_config()),
        "energy_token": ("Config", addresses.energy_config()),
        "trading": ("Market", addresses.market()),
    }
    differences: list[Difference] = []
    for program, (kind, address) in counters.items():
        (account,) = await chain.decoded(program, kind, [address])
        sent = account["event_sequence"] if account else 0
        differences += _differing(f"events of {program}", counted.get(program, 0), sent)
    return differences


async def _ledgers(pool: asyncpg.Pool, chain: _Chain, addresses: Addresses) -> list[Difference]:
    """A meter without a settlement has its baseline as its ledger, if it has one on chain."""
    rows = await pool.fetch(
        "SELECT m.meter_id, l.meter_id IS NOT NULL AS settled,"
        " coalesce(l.last_sequence, baseline_sequence) AS last_sequence,"
        " coalesce(l.last_time_ms, baseline_time_ms) AS last_time_ms,"
        " coalesce(l.produced_mwh, baseline_produced_mwh) AS produced_mwh,"
        " coalesce(l.consumed_mwh, baseline_consumed_mwh) AS consumed_mwh,"
        " coalesce(l.surplus_mwh, baseline_surplus_mwh) AS surplus_mwh,"
        " coalesce(l.minted_mwh, 0) AS minted_mwh"
        " FROM meters m LEFT JOIN ledgers l USING (meter_id)"
    )
    accounts = await chain.decoded(
        "energy_token", "Ledger", [addresses.ledger(row["meter_id"]) for row in rows]
    )
    differences: list[Difference] = []
    for row, account in zip(rows, accounts, strict=True):
        name = f"ledger {row['meter_id'].hex()}"
        if account is None:
            differences += _differing(name, "settled" if row["settled"] else None, None)
            continue
        for field in LEDGER_FIELDS:
            differences += _differing(f"{name} {field}", row[field], account[field])
    return differences


async def _orders(pool: asyncpg.Pool, chain: _Chain, addresses: Addresses) -> list[Difference]:
    rows = await pool.fetch("SELECT * FROM orders WHERE closed_at IS NULL")
    orders = [Pubkey.from_string(row["order_id"]) for row in rows]
    differences: list[Difference] = []
    for row, account in zip(rows, await chain.decoded("trading", "Order", orders), strict=True):
        name = f"order {row['order_id']}"
        if account is None:
            differences += _differing(name, row["status"], None)
            continue
        on_chain = {
            **account,
            "seller_wallet": str(account["seller"]),
            "status": account["status"].lower(),
        }
        for field in ORDER_FIELDS:
            differences += _differing(f"{name} {field}", row[field], on_chain[field])
    differences += await _escrows(chain, addresses, rows)
    (market,) = await chain.decoded("trading", "Market", [addresses.market()])
    numbered = market["next_order_number"] - 1 if market else 0
    known = await pool.fetchval("SELECT count(*) FROM orders")
    return [*differences, *_differing("number of orders", known, numbered)]


async def _escrows(
    chain: _Chain, addresses: Addresses, orders: Sequence[asyncpg.Record]
) -> list[Difference]:
    """An escrow holds at least what its open order has left; more is a donation."""
    still_open = [row for row in orders if row["status"] in OPEN]
    escrows = [addresses.escrow(Pubkey.from_string(row["order_id"])) for row in still_open]
    differences: list[Difference] = []
    for row, account in zip(still_open, await chain.client.accounts(escrows), strict=True):
        held = TokenAccount.from_bytes(account.data).amount if account else 0
        left = row["amount_mwh"] - row["filled_mwh"]
        if held < left:
            differences.append(Difference(f"rest of order {row['order_id']}", left, held))
    return differences


async def _supplies(
    pool: asyncpg.Pool, client: ChainClient, addresses: Addresses
) -> list[Difference]:
    energy = await pool.fetchval(
        "SELECT coalesce(sum(minted_mwh), 0)::bigint - (SELECT"
        " coalesce(sum((data ->> 'amount_mwh')::bigint), 0)::bigint FROM events"
        " WHERE program = 'energy_token' AND name = 'EnergyRedeemed') FROM ledgers"
    )
    grx = await pool.fetchval(
        "SELECT coalesce(sum((data ->> 'amount')::bigint), 0)::bigint FROM events"
        " WHERE program = 'energy_token' AND name = 'GrxMinted'"
    )
    return [
        *_differing("supply of ENERGY", energy, await client.token_supply(addresses.energy_mint())),
        *_differing("supply of GRX", grx, await client.token_supply(addresses.grx_mint())),
    ]


def _differing(what: str, in_database: object, on_chain: object) -> Iterator[Difference]:
    if in_database != on_chain:
        yield Difference(what, in_database, on_chain)
