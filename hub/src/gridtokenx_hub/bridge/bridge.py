"""The bridge as the hub's API uses it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg

from gridtokenx_hub.bridge import calldata
from gridtokenx_hub.bridge.accounts import EvmAccounts
from gridtokenx_hub.bridge.evm_client import EvmClient
from gridtokenx_hub.bridge.evm_sender import EvmSender
from gridtokenx_hub.bridge.keys import quote_key, relay_key
from gridtokenx_hub.bridge.payer import Payer
from gridtokenx_hub.bridge.quotes import Quotes, SignedQuote
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.settings import BridgeSettings
from gridtokenx_programs.evm import BridgeId
from gridtokenx_programs.evm.words import address_of, split


@dataclass(slots=True)
class Bridge:
    """Where baht are paid, by which quotes, from which accounts."""

    id: BridgeId
    client: EvmClient
    quotes: Quotes
    accounts: EvmAccounts
    payer: Payer
    _token: bytes | None = field(default=None, init=False)

    async def token(self) -> bytes:
        """Return the address of THBC, as the bridge names it; it is asked once.

        Raises:
            ChainUnavailable: the node does not answer, or with no address.
        """
        if self._token is None:
            self._token = await self._ask_for_token()
        return self._token

    def approve(self, signed: SignedQuote) -> bytes:
        """Return the call of the token that lets the bridge take what a quote asks."""
        return calldata.approve(self.id.address, signed.quote.amount_micro_thbc)

    def pay(self, signed: SignedQuote) -> bytes:
        """Return the call of the bridge that pays by a quote."""
        return calldata.pay(signed.quote, signed.signature)

    def refund(self, signed: SignedQuote) -> bytes:
        """Return the call of the bridge that takes back what was paid by a quote."""
        return calldata.refund(bytes(signed.quote.reservation))

    async def aclose(self) -> None:
        """Close the connections to the node."""
        await self.client.close()

    async def _ask_for_token(self) -> bytes:
        answer = await self.client.call(self.id.address, calldata.thbc())
        try:
            (token,) = split(answer, 1)
            return address_of(token)
        except ValueError as error:
            raise ChainUnavailable(f"no bridge at 0x{self.id.address.hex()}: {error}") from error


def open_bridge(
    pool: asyncpg.Pool,
    keys: Path,
    chosen: BridgeSettings,
    genesis_hash: bytes,
    clock: Callable[[], datetime],
) -> Bridge:
    """Return the bridge of these settings.

    Args:
        pool: the hub's database.
        keys: its key folder, with `quotes.seed`, which is drawn when absent, and `wallets.seed`.
        chosen: where the bridge is.
        genesis_hash: of the chain that energy is on.
        clock: the present instant.

    Raises:
        KeyFileError: a key file is not usable.
    """
    client = EvmClient(chosen.rpc_url, chosen.chain_id, chosen.confirmations)
    accounts = EvmAccounts(pool, keys / "wallets.seed", clock)
    sender = EvmSender(pool, client, chosen.max_fee_wei, clock)
    return Bridge(
        chosen.id,
        client,
        Quotes(pool, quote_key(keys), chosen.id, genesis_hash, clock),
        accounts,
        Payer(pool, client, sender, accounts, chosen.id, relay_key(keys)),
    )
