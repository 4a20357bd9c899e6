"""Transactions of a request: journalled, signed, sent, awaited, and seen by the indexer."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import Transaction as SignedTransaction
from solders.transaction import VersionedTransaction

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.transactions.signing import Offer, WalletMustSign, expired
from gridtokenx_hub.chain import Cosign, PreparedTransaction, TransactionExpired
from gridtokenx_hub.indexer.events import StoredEvent
from gridtokenx_hub.wallets import UnknownWallet

INDEXER_TIMEOUT_S = 2.0


class Journal(Protocol):
    """Where is written down, durably and before it is done, what a step is about to do."""

    @property
    def journal(self) -> dict[str, Any]:
        """The facts of each step, as JSON."""

    @property
    def signed(self) -> SignedTransaction | None:
        """The transaction of an earlier answer, sent back by an owner who has signed it."""

    async def record(self, step: str, facts: dict[str, Any]) -> None:
        """Write down the facts of a step."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction to be made.

    Args:
        instructions: from the account that pays for rent to what is to be done.
        wallets: users' wallets that must sign; where the hub does not hold one, its owner does.
        compute_units: the transaction's compute limit.
        facts: what the answer will need to know of it, as JSON.
        signers: keys at hand that sign too, beside the fee payer's.
        cosign: gets the signatures of the hub's other processes, once the owners have signed.
    """

    instructions: Callable[[Pubkey], Sequence[Instruction]]
    wallets: tuple[Pubkey, ...]
    compute_units: int
    facts: dict[str, Any] = field(default_factory=dict)
    signers: tuple[Keypair, ...] = ()
    cosign: Cosign | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A confirmed transaction, the facts of its plan, and its events that are indexed by now."""

    tx_signature: str
    facts: dict[str, Any]
    events: Sequence[StoredEvent]

    def told(self, name: str) -> dict[str, Any]:
        """Return the facts as this event has them; as the plan has them while it is not there."""
        data = [event.data for event in self.events if event.name == name]
        return {**self.facts, **data[0]} if data else dict(self.facts)


async def deliver(
    context: ApiContext, journal: Journal, step: str, plan: Callable[[], Awaitable[Plan]]
) -> Delivered:
    """Have a step's transaction confirmed: one of an earlier try, or else a new one.

    A new one is made only when the earlier one can never be executed any more. `plan` is called
    again when an owner has signed: its keys sign the transaction that was offered then.

    Raises:
        WalletMustSign: the hub does not hold a wallet; what its owner signs is in the journal.
        SignatureProblem: what came back is not that, signed.
        TransactionRefused: a program refused it; nothing happened.
        TransactionExpired, ChainUnavailable: another try of the request goes on from here.
    """
    resumed = await _resume(context, journal, step)
    if resumed is not None:
        prepared, facts = resumed
    else:
        prepared, facts = await _signed(context, journal, step, await plan())
        entry = {
            "tx_signature": prepared.signature,
            "transaction": base64.b64encode(prepared.raw).decode(),
            "last_valid_block_height": prepared.last_valid_block_height,
            "facts": facts,
        }
        await journal.record(step, entry)
        await context.sender.deliver(prepared)
    events = await context.indexer.wait_for(
        prepared.signature, _events_of(context, prepared), INDEXER_TIMEOUT_S
    )
    return Delivered(prepared.signature, facts, events)


def _events_of(context: ApiContext, prepared: PreparedTransaction) -> int:
    """Return how many events a transaction has: one for each instruction of our programs."""
    message = VersionedTransaction.from_bytes(prepared.raw).message
    ours = {program.id for program in context.programs.values()}
    programs = [message.account_keys[item.program_id_index] for item in message.instructions]
    return sum(program in ours for program in programs)


async def _signed(
    context: ApiContext, journal: Journal, step: str, plan: Plan
) -> tuple[PreparedTransaction, dict[str, Any]]:
    """Return the step's transaction with all its signatures, and its facts."""
    keypairs, elsewhere = await _wallets(context, plan)
    if elsewhere:
        offer = await _signed_elsewhere(context, journal, step, plan, elsewhere)
        draft, facts, signatures = offer.draft, offer.facts, offer.signatures
    else:
        draft = await context.sender.draft(plan.instructions, compute_units=plan.compute_units)
        facts, signatures = plan.facts, {}
    if plan.cosign is not None:
        signatures = {**signatures, **await plan.cosign(draft.message)}
    return context.sender.sign(draft, (*plan.signers, *keypairs), signatures), facts


async def _wallets(context: ApiContext, plan: Plan) -> tuple[list[Keypair], list[Pubkey]]:
    """Return the keys of the wallets that the hub holds, and the other wallets."""
    keypairs, elsewhere = [], []
    for wallet in plan.wallets:
        try:
            keypairs.append(await context.vault.keypair(wallet))
        except UnknownWallet:
            elsewhere.append(wallet)
    return keypairs, elsewhere


async def _signed_elsewhere(
    context: ApiContext, journal: Journal, step: str, plan: Plan, wallets: Sequence[Pubkey]
) -> Offer:
    """Return the step's transaction once all of these wallets have signed it."""
    offer = Offer.of(journal.journal.get(step))
    if offer is None or (journal.signed is None and await _is_over(context, offer)):
        offer = await _made(context, plan)
        await journal.record(step, offer.entry())
    elif journal.signed is not None:
        offer = offer.signed_by(wallets, journal.signed)
        if offer.missing(wallets):
            await journal.record(step, offer.entry())
    missing = offer.missing(wallets)
    if missing:
        raise WalletMustSign(offer, missing[0])
    if await _is_over(context, offer):
        raise expired()
    return offer


async def _made(context: ApiContext, plan: Plan) -> Offer:
    """Make what is to be signed; what would fail is refused before anybody signs it."""
    draft = await context.sender.draft(plan.instructions, compute_units=plan.compute_units)
    await context.sender.rehearse(draft)
    return Offer.of_draft(draft, plan.facts)


async def _is_over(context: ApiContext, offer: Offer) -> bool:
    return await context.client.block_height() > offer.last_valid_block_height


async def _resume(
    context: ApiContext, journal: Journal, step: str
) -> tuple[PreparedTransaction, dict[str, Any]] | None:
    """Have the transaction of an earlier try confirmed, if there is one that still can be."""
    entry = journal.journal.get(step)
    if entry is None or Offer.of(entry) is not None:
        return None
    prepared = PreparedTransaction(
        signature=entry["tx_signature"],
        raw=base64.b64decode(entry["transaction"]),
        last_valid_block_height=entry["last_valid_block_height"],
    )
    sender = context.sender
    try:
        await sender.outcome(prepared.signature) or await sender.deliver(prepared)
    except TransactionExpired:
        return None
    return prepared, entry["facts"]
