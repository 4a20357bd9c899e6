"""Pays, and takes back, from the EVM accounts that the hub holds: once for each reservation."""

import asyncpg
from coincurve import PrivateKey

from gridtokenx_hub.bridge import calldata
from gridtokenx_hub.bridge.accounts import EvmAccounts
from gridtokenx_hub.bridge.evm_client import EvmClient
from gridtokenx_hub.bridge.evm_sender import EvmSender
from gridtokenx_hub.bridge.quotes import SignedQuote
from gridtokenx_programs.evm import BridgeId, Quote, sign
from gridtokenx_programs.evm.words import address_word, keccak, word

_PERMIT = keccak(
    b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
_SENT = """
SELECT hash FROM evm_transactions
 WHERE reservation_id = $1 AND purpose = $2 AND status IN ('sent', 'done')
"""


class AccountNotHeld(Exception):
    """The hub has not the key of the account that is to pay."""


class TooFewBaht(Exception):
    """The account has less than the quote asks."""


class Payer:
    """Sends what a buyer whose account the hub holds would send.

    Args:
        pool: database with the table `evm_transactions`.
        client: the EVM node.
        sender: stores transactions before it sends them.
        accounts: with the keys.
        bridge: where it is paid.
        gas_key: the account that gives gas to those that lack it: a buyer has baht, no ether.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        client: EvmClient,
        sender: EvmSender,
        accounts: EvmAccounts,
        bridge: BridgeId,
        gas_key: PrivateKey,
    ) -> None:
        self._pool = pool
        self._client = client
        self._sender = sender
        self._accounts = accounts
        self._bridge = bridge
        self._gas_key = gas_key

    async def pay(self, signed: SignedQuote, token: bytes) -> bytes:
        """Pay by a quote, in one transaction with the permit; return its hash.

        What is on its way or done already is not sent again.

        Raises:
            AccountNotHeld, TooFewBaht: as their names say.
            EvmTransactionRefused: the bridge would not take it.
            ChainUnavailable: the node does not answer.
        """
        quote = signed.quote
        key = await self._key(quote)
        sent = await self._sent(quote, "pay")
        if sent is not None:
            return sent
        held = await self._number(token, calldata.balance(quote.payer))
        if held < quote.amount_micro_thbc:
            raise TooFewBaht(f"the account has {held} of {quote.amount_micro_thbc} millionths")
        permit = await self._permit(key, quote, token)
        data = calldata.pay_with_permit(quote, signed.signature, quote.deadline_s, permit)
        return await self._send(key, quote, "pay", data)

    async def refund(self, signed: SignedQuote) -> bytes:
        """Take back what was paid by a quote; return the transaction's hash.

        Raises:
            AccountNotHeld, EvmTransactionRefused, ChainUnavailable: as `pay`.
        """
        quote = signed.quote
        key = await self._key(quote)
        data = calldata.refund(bytes(quote.reservation))
        return await self._sent(quote, "refund") or await self._send(key, quote, "refund", data)

    async def _key(self, quote: Quote) -> PrivateKey:
        key = await self._accounts.key(quote.payer)
        if key is None:
            raise AccountNotHeld(f"the hub does not hold 0x{quote.payer.hex()}")
        return key

    async def _sent(self, quote: Quote, purpose: str) -> bytes | None:
        sent: bytes | None = await self._pool.fetchval(_SENT, str(quote.reservation), purpose)
        return sent

    async def _send(self, key: PrivateKey, quote: Quote, purpose: str, data: bytes) -> bytes:
        return await self._sender.send(
            key, purpose, str(quote.reservation), self._bridge.address, data, self._gas_key
        )

    async def _permit(self, key: PrivateKey, quote: Quote, token: bytes) -> bytes:
        """Let the bridge take exactly the amount, until the quote's deadline (EIP-2612)."""
        domain = await self._client.call(token, calldata.permit_domain())
        nonce = await self._number(token, calldata.permit_nonce(quote.payer))
        allowed = keccak(
            _PERMIT
            + address_word(quote.payer)
            + address_word(self._bridge.address)
            + word(quote.amount_micro_thbc)
            + word(nonce)
            + word(quote.deadline_s)
        )
        return sign(key, keccak(b"\x19\x01" + domain + allowed))

    async def _number(self, token: bytes, data: bytes) -> int:
        return int.from_bytes(await self._client.call(token, data), "big")
