"""The bridge as the hub's API uses it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from coincurve import PrivateKey

from gridtokenx_hub.bridge import calldata
from gridtokenx_hub.bridge.accounts import EvmAccounts
from gridtokenx_hub.bridge.quotes import Quotes, SignedQuote
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_hub.keys import load_seed
from gridtokenx_hub.settings import BridgeSettings
from gridtokenx_programs.evm import BridgeId
from gridtokenx_programs.evm.words import WORD, address_of, unhex


@dataclass(slots=True)
class Bridge:
    """Where baht are paid, by which quotes, from which accounts."""

    id: BridgeId
    rpc_url: str
    quotes: Quotes
    accounts: EvmAccounts
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

    async def _ask_for_token(self) -> bytes:
        call: dict[str, Any] = {
            "to": f"0x{self.id.address.hex()}",
            "data": f"0x{calldata.thbc().hex()}",
        }
        rpc = RpcConnection(self.rpc_url)
        try:
            answer = await rpc.call("eth_call", call, "latest")
            return address_of(int.from_bytes(unhex(str(answer), WORD), "big"))
        except ValueError as error:
            raise ChainUnavailable(f"no bridge at {call['to']}: {error}") from error
        finally:
            await rpc.close()


def quote_key(keys: Path) -> PrivateKey:
    """Return the key that signs quotes, drawn when absent.

    Raises:
        KeyFileError: the file is not usable.
    """
    return PrivateKey(load_seed(keys / "quotes.seed"))


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
    return Bridge(
        chosen.id,
        chosen.rpc_url,
        Quotes(pool, quote_key(keys), chosen.id, genesis_hash, clock),
        EvmAccounts(pool, keys / "wallets.seed", clock),
    )
