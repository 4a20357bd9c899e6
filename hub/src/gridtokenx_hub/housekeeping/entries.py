"""Orders and offers that are due, and the instructions that end them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.leadership import Connection
from gridtokenx_programs import Addresses, BadDataError, Program

Kind = Literal["Order", "Offer"]

CLOSED_AFTER = dt.timedelta(minutes=21)
"""An entry's nonce is at most 10 minutes ahead of its creation, and spent 10 minutes after it."""

EXPIRED = """
SELECT 'Order' AS kind, order_id AS address, seller_wallet AS maker FROM orders
 WHERE status = 'active' AND expires_at <= $1 AND order_id <> ALL($2::text[])
UNION ALL
SELECT 'Offer', offer_id, buyer_wallet FROM offers
 WHERE status = 'active' AND expires_at <= $1 AND offer_id <> ALL($2::text[])
LIMIT $3
"""
OVER = """
SELECT 'Order' AS kind, order_id AS address, seller_wallet AS maker FROM orders
 WHERE status IN ('filled', 'cancelled', 'expired') AND closed_at IS NULL AND created_at < $1
   AND order_id <> ALL($2::text[])
UNION ALL
SELECT 'Offer', offer_id, buyer_wallet FROM offers
 WHERE status IN ('filled', 'cancelled', 'expired') AND closed_at IS NULL AND created_at < $1
   AND offer_id <> ALL($2::text[])
LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """An order or offer, and whose it is."""

    kind: Kind
    address: Pubkey
    maker: Pubkey


@dataclass(frozen=True, slots=True)
class Ending:
    """What is to be done with an entry."""

    entry: Entry
    instruction: Instruction


class Endings:
    """Makes the instructions.

    Args:
        client: the chain, which knows who paid an entry's rent.
        trading: the trading program.
        addresses: where its accounts are.
    """

    def __init__(self, client: ChainClient, trading: Program, addresses: Addresses) -> None:
        self._client = client
        self._trading = trading
        self._addresses = addresses

    async def expiries(self, entries: Sequence[Entry]) -> list[Ending]:
        """Return how entries whose time is up are ended."""
        names: Mapping[Kind, str] = {"Order": "expire", "Offer": "expire_offer"}
        return [
            Ending(
                entry,
                self._trading.instruction(names[entry.kind], {}, self._accounts(entry)),
            )
            for entry in entries
        ]

    async def closings(self, entries: Sequence[Entry]) -> list[Ending]:
        """Return how entries that are over are closed, but for those that are closed already.

        Raises:
            ChainUnavailable: the node does not answer.
        """
        names: Mapping[Kind, str] = {"Order": "close_order", "Offer": "close_offer"}
        endings = []
        found = await self._client.accounts([entry.address for entry in entries])
        for entry, account in zip(entries, found, strict=True):
            if account is None or account.owner != self._addresses.trading:
                continue
            try:
                fields = self._trading.decode_account(entry.kind, account.data)
            except BadDataError:
                continue
            accounts = {**self._accounts(entry), "rent_payer": fields["rent_payer"]}
            instruction = self._trading.instruction(names[entry.kind], {}, accounts)
            endings.append(Ending(entry, instruction))
        return endings

    def _accounts(self, entry: Entry) -> dict[str, Pubkey]:
        """Return the accounts that all endings of a kind have; what is left goes to its maker."""
        sells = entry.kind == "Order"
        mint = self._addresses.energy_mint() if sells else self._addresses.grx_mint()
        return {
            "market": self._addresses.market(),
            entry.kind.lower(): entry.address,
            "escrow": self._addresses.escrow(entry.address),
            "seller_energy" if sells else "buyer_grx": self._addresses.associated_token(
                entry.maker, mint
            ),
        }


async def expired(
    connection: Connection, now: dt.datetime, but: Sequence[str], limit: int
) -> list[Entry]:
    """Return active entries whose time is up, except some."""
    return _entries(await connection.fetch(EXPIRED, now, but, limit))


async def over(
    connection: Connection, now: dt.datetime, but: Sequence[str], limit: int
) -> list[Entry]:
    """Return entries that are over and can be closed, except some."""
    return _entries(await connection.fetch(OVER, now - CLOSED_AFTER, but, limit))


def _entries(rows: Sequence[Any]) -> list[Entry]:
    return [
        Entry(
            "Order" if row["kind"] == "Order" else "Offer",
            Pubkey.from_string(row["address"]),
            Pubkey.from_string(row["maker"]),
        )
        for row in rows
    ]
