"""The hub's own transactions on the EVM chain: stored, then sent, then followed to their end."""

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from coincurve import PrivateKey

from gridtokenx_hub.bridge.evm_client import PENDING, EvmClient
from gridtokenx_hub.bridge.evm_transaction import EvmTransaction, transaction_hash
from gridtokenx_hub.chain import ChainUnavailable, RequestRefused
from gridtokenx_hub.leadership import Connection
from gridtokenx_programs.evm import address_of_key

TRANSFER_GAS = 21_000
"""What giving ether to an account uses (Yellow Paper, appendix G)."""
GAS_MARGIN_PERCENT = 25
"""What a call uses may have changed by the time when it is executed."""

SENDING = 0x475445  # "GTE", the class of the locks under which a nonce is given out

log = logging.getLogger(__name__)


class EvmTransactionRefused(Exception):
    """The call would fail now; nothing was stored or sent."""


@dataclass(frozen=True, slots=True)
class _Open:
    sender: bytes
    nonce: int
    raw: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class _Call:
    purpose: str
    reservation_id: str | None
    to: bytes
    data: bytes
    gas: int
    value_wei: int = 0


@dataclass(frozen=True, slots=True)
class _Fees:
    """For a unit of gas: the tip, and the most in all."""

    priority_wei: int
    most_wei: int


class EvmSender:
    """Sends calls of contracts, each with a nonce of its own.

    Args:
        pool: database with the table `evm_transactions`.
        client: the node.
        max_fee_wei: the most that a unit of gas may cost: the keys here hold little, and a node
            that lies about fees must not be able to empty them.
        clock: the present instant.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        client: EvmClient,
        max_fee_wei: int,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._pool = pool
        self._client = client
        self._max_fee_wei = max_fee_wei
        self._clock = clock

    async def send(
        self,
        key: PrivateKey,
        purpose: str,
        reservation_id: str | None,
        to: bytes,
        data: bytes,
        gas_from: PrivateKey | None = None,
    ) -> bytes:
        """Call a contract; return the transaction's hash once it is stored and handed in.

        What a node does not take now is handed in again by `follow_up`. With `gas_from`, that
        account gives what the call's account lacks of its fees.

        Raises:
            EvmTransactionRefused: the call would fail.
            ChainUnavailable: the node does not answer; nothing was stored.
        """
        account = address_of_key(key)
        call = _Call(purpose, reservation_id, to, data, await self._gas(account, to, data))
        fees = await self._fees()
        if gas_from is not None:
            await self._give_gas(gas_from, account, reservation_id, call.gas * fees.most_wei, fees)
        return await self._sign_and_send(key, call, fees)

    async def _give_gas(
        self,
        giver: PrivateKey,
        account: bytes,
        reservation_id: str | None,
        needed_wei: int,
        fees: _Fees,
    ) -> None:
        """See to it that an account can pay for gas; nothing is given where there is enough."""
        lacking_wei = needed_wei - await self._client.balance_wei(account)
        if lacking_wei > 0:
            gift = _Call("gas", reservation_id, account, b"", TRANSFER_GAS, lacking_wei)
            await self._sign_and_send(giver, gift, fees)

    async def _sign_and_send(self, key: PrivateKey, call: _Call, fees: _Fees) -> bytes:
        sender = address_of_key(key)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "SELECT pg_advisory_xact_lock($1, $2)", SENDING, _lock_number(sender)
            )
            transaction = EvmTransaction(
                chain_id=self._client.chain_id,
                nonce=await self._next_nonce(connection, sender),
                priority_fee_wei=fees.priority_wei,
                max_fee_wei=fees.most_wei,
                gas=call.gas,
                to=call.to,
                data=call.data,
                value_wei=call.value_wei,
            )
            raw = transaction.signed(key)
            await self._store(connection, sender, transaction.nonce, raw, call)
        await self._hand_in(raw)
        return transaction_hash(raw)

    async def follow_up(self, connection: Connection, final_number: int) -> None:
        """See what has become of all that is on its way, and hand in again what is in no block.

        Raises:
            ChainUnavailable: the node does not answer.
        """
        rows = await connection.fetch(
            "SELECT sender, nonce, raw, hash FROM evm_transactions"
            " WHERE status = 'sent' ORDER BY sender, nonce"
        )
        for row in rows:
            await self._follow(connection, _Open(**row), final_number)

    async def _follow(self, connection: Connection, sent: _Open, final_number: int) -> None:
        receipt = await self._client.receipt(sent.hash)
        if receipt is not None:
            if receipt.block_number <= final_number:
                await self._end(connection, sent, "done" if receipt.succeeded else "reverted")
        elif await self._client.transaction_count(sent.sender, hex(final_number)) > sent.nonce:
            await self._end(connection, sent, "replaced")  # by whoever else has this key
        else:
            await self._hand_in(sent.raw)

    async def _end(self, connection: Connection, sent: _Open, status: str) -> None:
        """Nothing that is final changes this any more."""
        await connection.execute(
            "UPDATE evm_transactions SET status = $2 WHERE hash = $1", sent.hash, status
        )
        if status != "done":
            log.warning("bridge: EVM transaction 0x%s was %s", sent.hash.hex(), status)

    async def _gas(self, sender: bytes, to: bytes, data: bytes) -> int:
        try:
            estimated = await self._client.estimate_gas(sender, to, data)
        except RequestRefused as refused:
            raise EvmTransactionRefused(f"the EVM node refuses the call: {refused.message}") from (
                refused
            )
        return estimated * (100 + GAS_MARGIN_PERCENT) // 100

    async def _fees(self) -> _Fees:
        """Return the tip and the most for a unit of gas; enough while the base fee doubles."""
        priority_wei = min(await self._client.priority_fee_wei(), self._max_fee_wei)
        base_wei = (await self._client.newest()).base_fee_wei
        return _Fees(priority_wei, min(2 * base_wei + priority_wei, self._max_fee_wei))

    async def _next_nonce(self, connection: Any, sender: bytes) -> int:
        stored = await connection.fetchval(
            "SELECT max(nonce) + 1 FROM evm_transactions WHERE sender = $1",
            sender,
        )
        return max(stored or 0, await self._client.transaction_count(sender, PENDING))

    async def _store(
        self, connection: Any, sender: bytes, nonce: int, raw: bytes, call: _Call
    ) -> None:
        await connection.execute(
            "INSERT INTO evm_transactions"
            " (sender, nonce, raw, hash, purpose, reservation_id, status, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, 'sent', $7)",
            sender,
            nonce,
            raw,
            transaction_hash(raw),
            call.purpose,
            call.reservation_id,
            self._clock(),
        )

    async def _hand_in(self, raw: bytes) -> None:
        try:
            await self._client.send_raw(raw)
        except (ChainUnavailable, RequestRefused) as error:
            digest = transaction_hash(raw).hex()
            log.warning("bridge: EVM transaction 0x%s is handed in later: %s", digest, error)


def _lock_number(sender: bytes) -> int:
    return int.from_bytes(sender[:4], "big", signed=True)
