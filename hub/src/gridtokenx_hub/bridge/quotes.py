"""The hub's quotes: one for each reservation, stored before it is told, the same ever after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from coincurve import PrivateKey
from solders.pubkey import Pubkey

from gridtokenx_programs.evm import BridgeId, Quote, address_of_key, sign

_INSERT = """
INSERT INTO quotes (reservation_id, order_id, user_id, buyer_wallet, payer, micro_thbc,
                    pay_deadline, signature, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (reservation_id) DO NOTHING
"""
_STORED = """
SELECT reservation_id, buyer_wallet, payer, micro_thbc, pay_deadline, signature
  FROM quotes WHERE reservation_id = $1
"""


@dataclass(frozen=True, slots=True)
class SignedQuote:
    """A quote, and the hub's 65-byte signature over it (EIP-712)."""

    quote: Quote
    signature: bytes


class Quotes:
    """Makes the quotes of one bridge.

    Args:
        pool: database with the table `quotes`.
        key: the bridge's quote signer.
        bridge: where it is paid.
        solana_chain: genesis hash of the chain that reservations are on, 32 bytes.
        clock: the present instant.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        key: PrivateKey,
        bridge: BridgeId,
        solana_chain: bytes,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._key = key
        self._bridge = bridge
        self._solana_chain = solana_chain
        self._clock = clock

    @property
    def signer(self) -> bytes:
        """The address that the bridge must know as its `quoteSigner`."""
        return address_of_key(self._key)

    async def make(
        self, reservation: Pubkey, terms: Mapping[str, Any], user_id: int, payer: bytes
    ) -> SignedQuote:
        """Return a reservation's quote, which is made if it is the first time.

        Args:
            reservation: its address on Solana.
            terms: its account there: amount and deadline are these.
            user_id: the buyer.
            payer: 20-byte address of the account that is to pay. A quote that was made before
                keeps its own.
        """
        quote = Quote(
            payer=payer,
            reservation=reservation,
            solana_wallet=terms["buyer"],
            solana_chain=self._solana_chain,
            amount_micro_thbc=terms["payment_micro_thbc"],
            deadline_s=terms["pay_deadline"],
        )
        await self._pool.execute(
            _INSERT,
            str(reservation),
            str(terms["order"]),
            user_id,
            str(quote.solana_wallet),
            payer,
            quote.amount_micro_thbc,
            datetime.fromtimestamp(quote.deadline_s, UTC),
            sign(self._key, quote.digest(self._bridge)),
            self._clock(),
        )
        (row,) = await self._pool.fetch(_STORED, str(reservation))
        return self.read(row)

    def read(self, row: asyncpg.Record) -> SignedQuote:
        """Return the quote in a row of the table."""
        quote = Quote(
            payer=row["payer"],
            reservation=Pubkey.from_string(row["reservation_id"]),
            solana_wallet=Pubkey.from_string(row["buyer_wallet"]),
            solana_chain=self._solana_chain,
            amount_micro_thbc=row["micro_thbc"],
            deadline_s=int(row["pay_deadline"].timestamp()),
        )
        return SignedQuote(quote, row["signature"])
