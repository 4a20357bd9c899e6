"""Transactions of a request: journalled, sent, awaited, and seen by the indexer."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.chain import Cosign, PreparedTransaction, TransactionExpired

INDEXER_TIMEOUT_S = 2.0


class Journal(Protocol):
    """Where is written down, durably and before it is done, what a step is about to do."""

    @property
    def journal(self) -> dict[str, Any]:
        """The facts of each step, as JSON."""

    async def record(self, step: str, facts: dict[str, Any]) -> None:
        """Write down the facts of a step."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction to be made.

    Args:
        instructions: from the account that pays for rent to what is to be done.
        signers: who signs beside the fee payer.
        compute_units: the transaction's compute limit.
        facts: what the answer will need to know of it, as JSON.
        cosign: gets the signatures of those whose keys are elsewhere.
    """

    instructions: Callable[[Pubkey], Sequence[Instruction]]
    signers: tuple[Keypair, ...]
    compute_units: int
    facts: dict[str, Any] = field(default_factory=dict)
    cosign: Cosign | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A confirmed transaction and the facts of its plan."""

    tx_signature: str
    facts: dict[str, Any]


async def deliver(
    context: ApiContext, journal: Journal, step: str, plan: Callable[[], Awaitable[Plan]]
) -> Delivered:
    """Have a step's transaction confirmed: one of an earlier try, or else a new one.

    A new one is made only when the earlier one can never be executed any more.

    Raises:
        TransactionRefused: a program refused it; nothing happened.
        TransactionExpired, ChainUnavailable: another try of the request goes on from here.
    """
    facts: dict[str, Any] = {}

    async def prepare() -> PreparedTransaction:
        made = await plan()
        facts.update(made.facts)
        return await context.sender.prepare(
            made.instructions, made.signers, compute_units=made.compute_units, cosign=made.cosign
        )

    return await deliver_prepared(context, journal, step, prepare, facts)


async def deliver_prepared(
    context: ApiContext,
    journal: Journal,
    step: str,
    prepare: Callable[[], Awaitable[PreparedTransaction]],
    facts: dict[str, Any],
) -> Delivered:
    """Do as `deliver`, with a transaction that `prepare` has made and signed.

    `facts` are written down with it, after `prepare` has ended.
    """
    delivered = await _resume(context, journal, step)
    if delivered is None:
        prepared = await prepare()
        entry = {
            "tx_signature": prepared.signature,
            "transaction": base64.b64encode(prepared.raw).decode(),
            "last_valid_block_height": prepared.last_valid_block_height,
            "facts": facts,
        }
        await journal.record(step, entry)
        confirmation = await context.sender.deliver(prepared)
        delivered = Delivered(confirmation.signature, facts)
    context.indexer.wake()
    await context.indexer.wait_for(delivered.tx_signature, INDEXER_TIMEOUT_S)
    return delivered


async def _resume(context: ApiContext, journal: Journal, step: str) -> Delivered | None:
    entry = journal.journal.get(step)
    if entry is None:
        return None
    prepared = PreparedTransaction(
        signature=entry["tx_signature"],
        raw=base64.b64decode(entry["transaction"]),
        last_valid_block_height=entry["last_valid_block_height"],
    )
    sender = context.sender
    try:
        confirmation = await sender.outcome(prepared.signature) or await sender.deliver(prepared)
    except TransactionExpired:
        return None
    return Delivered(confirmation.signature, entry["facts"])
