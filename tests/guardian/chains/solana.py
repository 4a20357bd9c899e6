"""A real local chain with a market whose buyers pay in baht."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import base58
from bridge import Bridge, Reservation, thbc
from exchange import Exchange
from grid import KWH, Grid
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.local_chain.harness import ChainProcess
from worlds import World
from worlds.deployments import deployment, programs
from worlds.json_rpc import Node
from worlds.nodes import PAYER_LAMPORTS
from worlds.rpc import RpcWorld

from gridtokenx_protocol.deployment import deployment_id

PART_MWH = 2 * KWH
PART_MICRO_GRX = 6_000_000


@contextmanager
def running_local_chain(folder: Path) -> Iterator[tuple[str, RpcWorld]]:
    """A local chain of its own with the programs; its URL, and their deployment."""
    process = ChainProcess(folder / "ledger", programs(folder, [0]))
    asyncio.run(process.start())
    try:
        with closing(Node(process.url)) as node:
            payer = Keypair()
            node.call("requestAirdrop", str(payer.pubkey()), PAYER_LAMPORTS)
            node.wait_for(
                "an airdrop", lambda: node.call("getBalance", str(payer.pubkey()))["value"] or None
            )
            yield process.url, RpcWorld(node, payer, deployment(0))
    finally:
        process.kill()


class RealGrid(Grid):
    """A deployment that names the chain it is on."""

    def __init__(self, world: RpcWorld) -> None:
        super().__init__(world)
        self.genesis_hash = base58.b58decode(world.node.call("getGenesisHash"))
        self.deployment = deployment_id(self.genesis_hash, bytes(world.registry.id))

    def initialize_registry(self, genesis_hash: bytes | None = None, *args: int,
                            **changed: Pubkey) -> Instruction:  # fmt: skip
        return super().initialize_registry(genesis_hash or self.genesis_hash, *args, **changed)


class BahtMarket(Bridge):
    """A market with a seller, whose orders new buyers reserve parts of."""

    def __init__(self, world: World) -> None:
        assert isinstance(world, RpcWorld)
        grid = RealGrid(world)
        self.genesis_hash = grid.genesis_hash
        exchange = Exchange(grid)
        exchange.open()
        super().__init__(exchange, guardians=3, threshold=2)
        self.seller = exchange.party(energy=1000 * KWH)
        self.orders = 0

    def begin(self, guardians: Sequence[Keypair], chain_id: int, bridge: bytes) -> None:
        """Hand out the roles, put these guardians of this bridge in office, post a price."""
        self.guardians = list(guardians)
        self.world.send(
            self.set_authority("Treasury", self.treasury.pubkey()),
            self.set_authority("Oracle", self.oracle.pubkey()),
            self.set_guardians(evm_chain_id=chain_id, bridge=bridge),
            signers=[self.authority, self.treasury, self.oracle],
        )

    def reserved(self) -> Reservation:
        """A part of a new order is set apart for a new buyer."""
        self.orders += 1
        sale = self.exchange.sale(self.seller, self.orders)
        self.post_price()
        buyer = self.exchange.party()
        return self.reserve(
            sale, buyer, amount_mwh=PART_MWH, payment_micro_thbc=thbc(PART_MICRO_GRX)
        )
