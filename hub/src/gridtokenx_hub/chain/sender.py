"""Transactions on their way to the chain: made, sent, sent again, and followed to their end."""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from gridtokenx_hub.chain.client import ChainClient
from gridtokenx_hub.chain.confirmations import ConfirmationWatcher
from gridtokenx_hub.chain.errors import RequestRefused, TransactionExpired, TransactionRefused
from gridtokenx_hub.chain.fee_payers import FeePayerPool
from gridtokenx_hub.chain.messages import compile_message
from gridtokenx_hub.chain.refusals import (
    ALREADY_PROCESSED,
    BLOCKHASH_NOT_FOUND,
    RefusalReader,
    preflight_failure,
)
from gridtokenx_hub.chain.types import (
    Confirmation,
    Draft,
    LatestBlockhash,
    PreparedTransaction,
    SignatureStatus,
)
from gridtokenx_hub.monitoring.instruments import TRANSACTION, TRANSACTION_CONFIRMED
from gridtokenx_programs import Program

Instructions = Sequence[Instruction] | Callable[[Pubkey], Sequence[Instruction]]
"""Instructions, or how to make them once it is known who pays."""

Cosign = Callable[[Message | MessageV0], Awaitable[Mapping[Pubkey, Signature]]]
"""Gets the signatures of those whose keys are not here, by their addresses."""

logger = logging.getLogger(__name__)

DEFAULT_COMPUTE_UNITS = 200_000
RESEND_AFTER_S = 2.0
BLOCKHASH_AGE_S = 1.0
_DISTINCT_LIMITS = 1024


class TransactionSender:
    """Sends transactions that fee payers of the pool pay for.

    `programs` (under any keys) give their errors their names. A transaction that is not confirmed
    after `resend_after_s` is sent again, the same bytes.
    """

    def __init__(
        self,
        client: ChainClient,
        fee_payers: FeePayerPool,
        programs: Mapping[Any, Program],
        *,
        resend_after_s: float = RESEND_AFTER_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic_s = monotonic_s
        self._client = client
        self._fee_payers = fee_payers
        self._refusals = RefusalReader(programs)
        self._watcher = ConfirmationWatcher(client)
        self._blockhashes = _RecentBlockhash(client, monotonic_s)
        self._counter = itertools.count()
        self._resend_after_s = resend_after_s

    async def send(
        self,
        instructions: Instructions,
        signers: Sequence[Keypair] = (),
        *,
        compute_units: int = DEFAULT_COMPUTE_UNITS,
    ) -> Confirmation:
        """Make a transaction and `deliver` it."""
        return await self.deliver(
            await self.prepare(instructions, signers, compute_units=compute_units)
        )

    async def prepare(
        self,
        instructions: Instructions,
        signers: Sequence[Keypair] = (),
        *,
        compute_units: int = DEFAULT_COMPUTE_UNITS,
        tables: Sequence[AddressLookupTableAccount] = (),
    ) -> PreparedTransaction:
        """Make a transaction and sign it; nothing is sent. With `tables` it is version 0.

        Raises:
            ChainUnavailable: there is no blockhash to be had.
        """
        draft = await self.draft(instructions, compute_units=compute_units, tables=tables)
        return self.sign(draft, signers, {})

    async def draft(
        self,
        instructions: Instructions,
        *,
        compute_units: int = DEFAULT_COMPUTE_UNITS,
        tables: Sequence[AddressLookupTableAccount] = (),
    ) -> Draft:
        """Make a transaction that nobody has signed.

        The compute limit goes in front of `instructions`, whose order stays. No two transactions
        of a sender are the same: the limit is raised by a few units that differ each time, or the
        chain would take the second for a repetition of the first and not execute it.

        Raises:
            ChainUnavailable: there is no blockhash to be had.
        """
        payer = self._fee_payers.next().pubkey()
        made = instructions(payer) if callable(instructions) else instructions
        limit = compute_units + next(self._counter) % _DISTINCT_LIMITS
        recent = await self._blockhashes.get()
        message = compile_message(made, payer, limit, recent.blockhash, tables)
        return Draft(message, recent.last_valid_block_height)

    def sign(
        self, draft: Draft, signers: Sequence[Keypair], others: Mapping[Pubkey, Signature]
    ) -> PreparedTransaction:
        """Put together the signatures of the fee payer, of `signers` and of `others`.

        Raises:
            LookupError: the fee payer is none of ours, or a signature is missing.
        """
        message = draft.message
        payer = self._fee_payers.keypair(message.account_keys[0])
        signed = to_bytes_versioned(message)
        signatures = {key.pubkey(): key.sign_message(signed) for key in (payer, *signers)}
        signatures |= others
        required = message.account_keys[: message.header.num_required_signatures]
        transaction = VersionedTransaction.populate(message, [signatures[key] for key in required])
        return PreparedTransaction(
            signature=str(transaction.signatures[0]),
            raw=bytes(transaction),
            last_valid_block_height=draft.last_valid_block_height,
        )

    async def rehearse(self, draft: Draft) -> None:
        """Have the node try a transaction that nobody has signed; nothing is sent.

        Raises:
            TransactionRefused: it would fail now.
            ChainUnavailable: the node does not answer.
        """
        unsigned = [Signature.default()] * draft.message.header.num_required_signatures
        transaction = VersionedTransaction.populate(draft.message, unsigned)
        error, logs = await self._client.simulate(bytes(transaction))
        if error is not None:
            raise self._refusals.read(error, logs)

    async def submit(self, prepared: PreparedTransaction) -> None:
        """Hand a transaction to the chain once, if it passes the node's trial.

        One that the chain has executed before, or whose blockhash the node does not know (any
        more), is no error here: `outcome` and the block height tell.

        Raises:
            TransactionRefused: it would fail now, and was not sent.
            ChainUnavailable: whether it was taken is not known.
        """
        try:
            await self._client.send_raw(prepared.raw)
        except RequestRefused as refused:
            failure = preflight_failure(refused)
            if failure is None:
                raise
            error, logs = failure
            if error in (ALREADY_PROCESSED, BLOCKHASH_NOT_FOUND):
                return
            raise self._refusals.read(error, logs) from refused

    async def outcome(self, signature: str) -> Confirmation | None:
        """Return the confirmation of a transaction, None if it is not executed (yet).

        Raises:
            TransactionRefused: it was executed and failed.
            ChainUnavailable: the node does not answer.
        """
        (status,) = await self._client.signature_statuses([signature], search_history=True)
        if status is None or not status.is_confirmed:
            return None
        return await self._confirmation(signature, status)

    async def deliver(self, prepared: PreparedTransaction) -> Confirmation:
        """Send a transaction, again and again while it may be executed, until it is confirmed.

        It may have been sent before; its effect happens once.

        Raises:
            TransactionRefused: it failed, or would fail if it were executed now.
            TransactionExpired: it was not executed, and never will be.
            ChainUnavailable: the node does not answer: deliver it again later.
        """
        began_s = self._monotonic_s()
        outcome = "unknown"
        try:
            confirmation = await self._deliver(prepared)
            outcome = "confirmed"
        except TransactionRefused:
            outcome = "refused"
            raise
        except TransactionExpired:
            outcome = "expired"
            raise
        finally:
            _note(prepared.signature, outcome, self._monotonic_s() - began_s)
        return confirmation

    async def _deliver(self, prepared: PreparedTransaction) -> Confirmation:
        await self.submit(prepared)
        while True:
            status = await self._watcher.wait(prepared.signature, self._resend_after_s)
            if status is not None:
                return await self._confirmation(prepared.signature, status)
            if await self._client.block_height() > prepared.last_valid_block_height:
                confirmation = await self.outcome(prepared.signature)
                if confirmation is None:
                    raise TransactionExpired(prepared.signature)
                return confirmation
            # No trial this time: the first may be on its way, and a trial would judge by a state
            # that it has not changed yet.
            await self._client.send_raw(prepared.raw, preflight=False)

    async def _confirmation(self, signature: str, status: SignatureStatus) -> Confirmation:
        if status.error is None:
            return Confirmation(signature, status.slot)
        transaction = await self._client.transaction(signature)
        raise self._refusals.read(status.error, transaction.logs if transaction else ())


def _note(signature: str, outcome: str, duration_s: float) -> None:
    TRANSACTION.labels(outcome).inc()
    if outcome == "confirmed":
        TRANSACTION_CONFIRMED.observe(duration_s)
    facts = {"tx_signature": signature, "outcome": outcome, "duration_s": round(duration_s, 6)}
    logger.info("transaction %s: %s", signature, outcome, extra={"facts": facts})


class _RecentBlockhash:
    """A blockhash that is a second old at most, fetched once for all who want it at a time."""

    def __init__(self, client: ChainClient, monotonic_s: Callable[[], float]) -> None:
        self._client = client
        self._monotonic_s = monotonic_s
        self._lock = asyncio.Lock()
        self._fetched_s = float("-inf")
        self._latest: LatestBlockhash | None = None

    async def get(self) -> LatestBlockhash:
        """Return it."""
        async with self._lock:
            now = self._monotonic_s()
            if self._latest is None or now - self._fetched_s > BLOCKHASH_AGE_S:
                self._latest = await self._client.latest_blockhash()
                self._fetched_s = now
            return self._latest
