"""The bridge as the hub's API uses it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg
from coincurve import PrivateKey

from gridtokenx_hub.bridge import calldata
from gridtokenx_hub.bridge.accounts import EvmAccounts
from gridtokenx_hub.bridge.evm_client import EvmClient
from gridtokenx_hub.bridge.evm_sender import EvmSender
from gridtokenx_hub.bridge.payer import Payer
from gridtokenx_hub.bridge.quotes import Quotes, SignedQuote
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.keys import load_seed
from gridtokenx_hub.settings import BridgeSettings
from gridtokenx_programs.evm import BridgeId, address_of_key
from gridtokenx_programs.evm.words import address_of, checksummed, split

WEI_PER_GWEI = 10**9
SIGNER_ADDRESS = "quotes.address"


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
        keys: its key folder, with `wallets.seed`, and `quotes.seed`, which is drawn when absent;
            its address is written beside it.
        chosen: where the bridge is.
        genesis_hash: of the chain that energy is on.
        clock: the present instant.

    Raises:
        KeyFileError: a key file is not usable.
    """
    signer = PrivateKey(load_seed(keys / "quotes.seed"))
    # Who deploys the contract names it there as the signer of quotes.
    (keys / SIGNER_ADDRESS).write_text(f"{checksummed(address_of_key(signer))}\n")
    client = EvmClient(chosen.rpc_url, chosen.chain_id, chosen.confirmations)
    accounts = EvmAccounts(pool, keys / "wallets.seed", clock)
    sender = EvmSender(pool, client, chosen.max_fee_gwei * WEI_PER_GWEI, clock)
    return Bridge(
        chosen.id,
        client,
        Quotes(pool, signer, chosen.id, genesis_hash, clock),
        accounts,
        Payer(pool, client, sender, accounts, chosen.id),
    )
