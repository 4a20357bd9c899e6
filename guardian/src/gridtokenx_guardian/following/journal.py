"""The payments that were seen, and up to which block; both change together or not at all."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from solders.pubkey import Pubkey

from gridtokenx_guardian.facts import Block, Payment
from gridtokenx_guardian.signing.state import rows, transaction
from gridtokenx_programs.evm.words import word

MARKS = 256
"""How many blocks are remembered, to find where a reorg began."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A block up to which all payments were seen."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Journal:
    """What a guardian has seen, in its state."""

    connection: sqlite3.Connection

    def marks(self) -> list[Mark]:
        """The newest blocks up to which all was seen, newest first."""
        found = rows(self.connection, "SELECT number, hash FROM marks ORDER BY number DESC")
        return [Mark(number, bytes(block_hash)) for number, block_hash in found]

    def advance(self, block: Block, payments: Sequence[Payment]) -> None:
        """All is seen up to this block; these payments are new."""
        with transaction(self.connection):
            self.connection.executemany(
                "INSERT OR REPLACE INTO payments VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        bytes(payment.reservation),
                        payment.payer,
                        bytes(payment.wallet),
                        word(payment.amount_micro_thbc),
                        payment.deadline_s,
                        payment.block_number,
                        payment.block_time_s,
                    )
                    for payment in payments
                ],
            )
            self.connection.execute(
                "INSERT OR REPLACE INTO marks VALUES (?, ?)", (block.number, block.hash)
            )
            self.connection.execute(
                "DELETE FROM marks WHERE number NOT IN"
                " (SELECT number FROM marks ORDER BY number DESC LIMIT ?)",
                (MARKS,),
            )

    def rewind(self, number: int) -> None:
        """What was seen after this block never happened."""
        with transaction(self.connection):
            self.connection.execute("DELETE FROM marks WHERE number > ?", (number,))
            self.connection.execute("DELETE FROM payments WHERE block_number > ?", (number,))

    def payments(self) -> list[Payment]:
        """The payments that have not ended, in the order of their blocks."""
        found = rows(self.connection, "SELECT * FROM payments ORDER BY block_number, reservation")
        return [
            Payment(
                Pubkey(reservation),
                bytes(payer),
                Pubkey(wallet),
                int.from_bytes(amount, "big"),
                *numbers,
            )
            for reservation, payer, wallet, amount, *numbers in found
        ]

    def forget(self, payment: Payment) -> None:
        """A payment has ended."""
        with transaction(self.connection):
            self.connection.execute(
                "DELETE FROM payments WHERE reservation = ?", (bytes(payment.reservation),)
            )
