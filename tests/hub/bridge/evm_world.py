"""An anvil with the contracts, and reservations that are only names."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from coincurve import PrivateKey
from solders.pubkey import Pubkey
from tests.guardian.chains.evm import CHAIN_ID, Contracts, Quote, running_anvil
from worlds.json_rpc import Node

from gridtokenx_programs.evm import BridgeId, Release, address_of_key, sign

GENESIS_HASH = bytes(range(32))
AMOUNT_MICRO_THBC = 60_000_000
DAY_S = 86_400


@dataclass
class EvmWorld:
    """The chain; two of its three guardians release a payment."""

    url: str
    node: Node
    contracts: Contracts
    guardians: list[PrivateKey]

    @property
    def bridge(self) -> BridgeId:
        return BridgeId(CHAIN_ID, bytes.fromhex(self.contracts.bridge[2:]))

    def pay(self, amount: int = AMOUNT_MICRO_THBC) -> Quote:
        """The buyer pays for a reservation that nobody has made."""
        now_s = int(self.node.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        deadline_s = max(now_s, int(time.time())) + 600
        quote = Quote(
            self.contracts.buyer, Pubkey.new_unique(), Pubkey.new_unique(), amount, deadline_s
        )
        self.contracts.pay(quote)
        return quote

    def signatures(self, quote: Quote) -> list[bytes]:
        """Two guardians' signatures of a release, in the order of their addresses."""
        payer = bytes.fromhex(quote.payer[2:])
        digest = Release(quote.reservation, payer, quote.amount, 1).digest(self.bridge)
        return [sign(key, digest) for key in sorted(self.guardians, key=address_of_key)[:2]]

    def refund(self, quote: Quote) -> None:
        """A day passes, and the buyer takes the payment back."""
        self.node.call("evm_increaseTime", hex(DAY_S + 1_000))
        self.node.call("evm_mine")
        self.contracts.refund(quote.reservation)

    def fund(self, account: bytes, wei: int = 10**18) -> None:
        """Give an account what it needs for fees."""
        self.node.call("anvil_setBalance", f"0x{account.hex()}", hex(wei))


@contextmanager
def running_evm_world() -> Iterator[EvmWorld]:
    guardians = [PrivateKey() for _ in range(3)]
    with running_anvil() as (url, node):
        addresses = [f"0x{address_of_key(key).hex()}" for key in guardians]
        yield EvmWorld(url, node, Contracts(node, GENESIS_HASH, addresses), guardians)
