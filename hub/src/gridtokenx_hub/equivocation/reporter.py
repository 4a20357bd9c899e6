"""Has meters that contradict themselves suspended on chain, until their keys are rotated."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import asyncpg

from gridtokenx_hub.chain import ChainError, Confirmation, TransactionRefused, TransactionSender
from gridtokenx_hub.leadership import Connection, Job, lead_rounds
from gridtokenx_hub.registrar import (
    SUSPENSION_COMPUTE_UNITS,
    RegistrarClient,
    RegistrarRefused,
    RegistrarUnavailable,
)
from gridtokenx_programs import Addresses, Program, signature_instruction
from gridtokenx_protocol import cose
from gridtokenx_protocol.payload import Payload

COMPUTE_UNITS = 10_000
AT_ONCE = 100
MOST_RECORDS = 2
"""In a message that the program can be shown."""
OPEN = """
SELECT * FROM equivocations WHERE reported_at IS NULL ORDER BY found_at LIMIT $1
"""
DONE = """
UPDATE equivocations SET reported_at = now(), tx_signature = $3, error = $4
WHERE meter_id = $1 AND sequence = $2
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Proof:
    """A row of `equivocations`."""

    meter_id: bytes
    sequence: int
    algorithm: int
    public_key: bytes
    messages: tuple[cose.SignedMessage, cose.SignedMessage]

    @classmethod
    def of(cls, row: asyncpg.Record) -> Self:
        first, second = cose.decode(row["first_message"]), cose.decode(row["second_message"])
        return cls(
            row["meter_id"], row["sequence"], row["algorithm"], row["public_key"], (first, second)
        )

    @property
    def is_showable(self) -> bool:
        """Whether the program can read both messages."""
        payloads = [Payload.decode(message.payload) for message in self.messages]
        return all(
            len(payload.records) <= MOST_RECORDS and payload.extras is None for payload in payloads
        )


class EquivocationReporter:
    """Has the meter of each proof suspended.

    Anybody may report; among the hub's processes one does. For a proof that the program cannot be
    shown (a message of more than two records, or with extras), the registrar suspends the meter,
    which checks the proof itself.

    Args:
        pool: the hub's database.
        sender: makes and sends transactions.
        programs: the programs by name.
        addresses: where their accounts are.
        registrar: suspends for what the chain cannot be shown.
        poll_s: pause between two looks at the table.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        sender: TransactionSender,
        programs: Mapping[str, Program],
        addresses: Addresses,
        registrar: RegistrarClient,
        poll_s: float,
    ) -> None:
        self._pool = pool
        self._sender = sender
        self._registry = programs["registry"]
        self._addresses = addresses
        self._registrar = registrar
        self._poll_s = poll_s

    async def run(self, stop: asyncio.Event) -> None:
        """Report until `stop` is set, through every outage."""
        pause_s = self._poll_s
        await lead_rounds(
            self._pool, Job.EQUIVOCATION, self._round, lambda: asyncio.sleep(pause_s), pause_s, stop
        )

    async def _round(self, connection: Connection) -> None:
        proofs = [_Proof.of(row) for row in await connection.fetch(OPEN, AT_ONCE)]
        # What the chain can be shown does not wait for a registrar.
        for proof in sorted(proofs, key=lambda proof: not proof.is_showable):
            try:
                signature, error = await self._act_on(proof)
            except (ChainError, RegistrarUnavailable) as unknown:
                log.warning("equivocation of meter %s: %s", proof.meter_id.hex(), unknown)
                continue
            await connection.execute(DONE, proof.meter_id, proof.sequence, signature, error)
            log.warning(
                "meter %s signed two readings %d: %s",
                proof.meter_id.hex(),
                proof.sequence,
                error or "suspended on chain",
            )

    async def _act_on(self, proof: _Proof) -> tuple[str | None, str | None]:
        """Return the signature of the transaction, or why the meter is not suspended for this.

        Raises:
            ChainError: what has become of it is not known; to do it again does no harm.
            RegistrarUnavailable: nothing was signed.
        """
        try:
            if proof.is_showable:
                return (await self._report(proof)).signature, None
            return (await self._suspend(proof)).signature, None
        except (TransactionRefused, RegistrarRefused) as refusal:
            return None, refusal.name

    async def _report(self, proof: _Proof) -> Confirmation:
        signatures = [
            signature_instruction(
                proof.algorithm, proof.public_key, message.signature, message.signed_bytes()
            )
            for message in proof.messages
        ]
        accounts = {
            "config": self._addresses.registry_config(),
            "meter": self._addresses.meter(proof.meter_id),
        }
        report = self._registry.instruction("report_equivocation", {}, accounts)
        return await self._sender.send([*signatures, report], compute_units=COMPUTE_UNITS)

    async def _suspend(self, proof: _Proof) -> Confirmation:
        suspension = self._registrar.transactions.suspend(proof.meter_id)
        draft = await self._sender.draft(suspension, compute_units=SUSPENSION_COMPUTE_UNITS)
        signed = await self._registrar.sign_suspension(
            proof.meter_id, proof.sequence, draft.message
        )
        return await self._sender.deliver(self._sender.sign(draft, (), signed))
