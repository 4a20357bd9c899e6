"""Reports to the chain, which suspends the meter until its key is rotated."""

import asyncio
import logging
from collections.abc import Mapping

import asyncpg

from gridtokenx_hub.chain import ChainError, TransactionRefused, TransactionSender
from gridtokenx_hub.leadership import Connection, Job, lead_rounds
from gridtokenx_programs import Addresses, Program, signature_instruction
from gridtokenx_protocol import cose

COMPUTE_UNITS = 10_000
AT_ONCE = 100
MOST_BYTES = 19 + 2 * 120
"""What is signed in a message of two records; the program takes no longer one."""
NOT_SHOWABLE = "TooLongForTheChain"
OPEN = """
SELECT * FROM equivocations WHERE reported_at IS NULL ORDER BY found_at LIMIT $1
"""
DONE = """
UPDATE equivocations SET reported_at = now(), tx_signature = $3, error = $4
WHERE meter_id = $1 AND sequence = $2
"""

log = logging.getLogger(__name__)


class EquivocationReporter:
    """Shows each proof to the chain, once.

    Anybody may report; among the hub's processes one does. A proof that the program cannot be
    shown (a message of more than two records, or with extras) keeps the name of the reason in its
    row: the registrar may suspend that meter.

    Args:
        pool: the hub's database.
        sender: makes and sends transactions.
        programs: the programs by name.
        addresses: where their accounts are.
        poll_s: pause between two looks at the table.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        sender: TransactionSender,
        programs: Mapping[str, Program],
        addresses: Addresses,
        poll_s: float,
    ) -> None:
        self._pool = pool
        self._sender = sender
        self._registry = programs["registry"]
        self._addresses = addresses
        self._poll_s = poll_s

    async def run(self, stop: asyncio.Event) -> None:
        """Report until `stop` is set, through every outage."""
        pause_s = self._poll_s
        await lead_rounds(
            self._pool, Job.EQUIVOCATION, self._round, lambda: asyncio.sleep(pause_s), pause_s, stop
        )

    async def _round(self, connection: Connection) -> None:
        for row in await connection.fetch(OPEN, AT_ONCE):
            try:
                signature, error = await self._report(row)
            except ChainError as unknown:
                log.warning("equivocation of meter %s: %s", row["meter_id"].hex(), unknown)
                continue
            await connection.execute(DONE, row["meter_id"], row["sequence"], signature, error)
            log.warning(
                "meter %s signed two readings %d: %s",
                row["meter_id"].hex(),
                row["sequence"],
                error or "suspended on chain",
            )

    async def _report(self, row: asyncpg.Record) -> tuple[str | None, str | None]:
        """Return the signature of the transaction, or why the chain does not take the proof.

        Raises:
            ChainError: what has become of it is not known; to report again does no harm.
        """
        messages = [cose.decode(row["first_message"]), cose.decode(row["second_message"])]
        if any(len(message.signed_bytes()) > MOST_BYTES for message in messages):
            return None, NOT_SHOWABLE
        proofs = [
            signature_instruction(
                row["algorithm"], row["public_key"], message.signature, message.signed_bytes()
            )
            for message in messages
        ]
        accounts = {
            "config": self._addresses.registry_config(),
            "meter": self._addresses.meter(row["meter_id"]),
        }
        report = self._registry.instruction("report_equivocation", {}, accounts)
        try:
            confirmation = await self._sender.send([*proofs, report], compute_units=COMPUTE_UNITS)
        except TransactionRefused as refusal:
            return None, refusal.name
        return confirmation.signature, None
