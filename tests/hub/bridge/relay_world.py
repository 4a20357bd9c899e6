"""A hub with its bridge's job, both chains, and three guardians that look when a test says so."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from baht_world import Baht, match
from hub_world import HubWorld, User, expect, open_world
from tests.guardian.chains.evm import CHAIN_ID, Anvil, Contracts
from tests.guardian.chains.world import Running, running

from gridtokenx_guardian import keys
from gridtokenx_guardian.config import Config
from gridtokenx_guardian.signing import state
from gridtokenx_hub.base58 import decode
from gridtokenx_hub.bridge import open_bridge
from gridtokenx_hub.bridge.job import BridgeJob
from gridtokenx_hub.bridge.keys import relay_key
from gridtokenx_hub.bridge.opening import open_job
from gridtokenx_hub.bridge.reservations import Reservations
from gridtokenx_hub.clocks import utc_now
from gridtokenx_hub.settings import BridgeSettings
from gridtokenx_programs.evm import BridgeId, address_of_key

PATIENCE_S = 60
PAID_MICRO_THBC = 60_000_000
PAID_GRX = 6
DAY_S = 86_400


@dataclass
class RelayWorld:
    """The bridge of one hub, step by step."""

    baht: Baht
    settings: BridgeSettings
    guardians: list[Running]
    job: BridgeJob
    anvil: Anvil
    clock: Callable[[], dt.datetime]

    @property
    def world(self) -> HubWorld:
        return self.baht.world

    async def purchase(self, kwh: int = 2, price: int = 3) -> tuple[User, User, dict[str, Any]]:
        """A seller, a buyer with baht, and the reservation between them."""
        seller = await self.world.seller(kwh)
        buyer = await self.world.user(user_type="consumer")
        order = await self.world.sell(seller, kwh, price)
        await self.baht.post_price()
        bought = expect(await match(self.world, buyer, order["order_id"]), 200)
        await self.baht.fund(bought["payment"]["quote"]["payer"])
        return seller, buyer, bought

    def pay(self, bought: dict[str, Any]) -> None:
        """The buyer's account sends what the hub's answer says."""
        payer = bought["payment"]["quote"]["payer"]
        for call in bought["payment"]["calls"]:
            self.baht.send(payer, call)

    async def round(self, guardians: Sequence[Running] | None = None) -> None:
        """A block, a look of guardians, a round of the hub's job."""
        self.baht.contracts.mine(1)
        for guardian in self.guardians if guardians is None else guardians:
            await guardian.look()
        async with self.world.pool.acquire() as connection:
            await self.job.round(connection)

    async def until(
        self,
        reached: Callable[[], Awaitable[bool]],
        guardians: Sequence[Running] | None = None,
    ) -> None:
        """Let rounds pass until something is so: both chains take a while to be final."""
        async with asyncio.timeout(PATIENCE_S):
            while not await reached():
                await self.round(guardians)
                await asyncio.sleep(0.05)

    async def state(self, bought: dict[str, Any]) -> str | None:
        """What the hub knows of a payment."""
        found: str | None = await self.world.pool.fetchval(
            "SELECT state FROM payments WHERE reservation_id = $1", bought["reservation_id"]
        )
        return found

    async def reservation(self, bought: dict[str, Any]) -> str | None:
        """What the hub knows of a reservation."""
        found: str | None = await self.world.pool.fetchval(
            "SELECT status FROM reservations WHERE reservation_id = $1", bought["reservation_id"]
        )
        return found

    async def released(self, bought: dict[str, Any]) -> bool:
        return await self.state(bought) == "released"


class Money:
    """What everyone has, on both chains."""

    def __init__(self, relay: RelayWorld, seller: User, buyer: User, payer: str) -> None:
        self.relay, self.seller, self.buyer, self.payer = relay, seller, buyer, payer

    async def now(self) -> dict[str, Any]:
        contracts = self.relay.baht.contracts
        return {
            "seller": await self.relay.world.balances(self.seller),
            "buyer": await self.relay.world.balances(self.buyer),
            "payer": contracts.balance(self.payer),
            "bridge": contracts.balance(contracts.bridge),
            "treasury": contracts.balance(contracts.treasury),
        }


async def bought(relay: RelayWorld) -> tuple[Money, dict[str, Any]]:
    seller, buyer, answer = await relay.purchase()
    return Money(relay, seller, buyer, answer["payment"]["quote"]["payer"]), answer


async def all_moves_to_the_last_unit(relay: RelayWorld) -> None:
    """A payment, to its end: the energy, GRX and THBC of everyone before and after."""
    money, answer = await bought(relay)
    before = await money.now()
    relay.pay(answer)
    locked = await money.now()
    assert locked["bridge"] - before["bridge"] == PAID_MICRO_THBC

    await relay.until(lambda: relay.released(answer))

    after = await money.now()
    assert await relay.reservation(answer) == "matched"
    assert after["buyer"][0] - before["buyer"][0] == 2
    assert after["seller"][1] - before["seller"][1] == PAID_GRX
    assert before["payer"] - after["payer"] == PAID_MICRO_THBC
    assert after["treasury"] - before["treasury"] == PAID_MICRO_THBC
    assert after["bridge"] == before["bridge"]
    assert after["seller"][0] == before["seller"][0]
    assert after["buyer"][1] == before["buyer"][1] == Decimal(0)


@asynccontextmanager
async def open_relay(postgres_url: str, folder: Path) -> AsyncIterator[RelayWorld]:
    """A hub of its own, and the bridge beside it."""
    (folder / "hub").mkdir()
    async with open_world(postgres_url, folder / "hub") as world, relaying(world, folder) as relay:
        yield relay


@asynccontextmanager
async def relaying(
    world: HubWorld, folder: Path, clock: Callable[[], dt.datetime] = utc_now
) -> AsyncIterator[RelayWorld]:
    """The bridge beside a hub, with everything open for sales; hub and guardians by this clock."""
    genesis_hash = decode(world.context.deployment.genesis_hash)
    with ExitStack() as stack:
        anvil = Anvil(folder / "anvil.json")
        stack.callback(anvil.stop)
        anvil.start()
        drawn = [keys.create(folder / f"guardian-{number}") for number in range(3)]
        for number, own in enumerate(drawn):
            state.create(folder / f"guardian-{number}", own)
        addresses = [f"0x{own.evm_address.hex()}" for own in drawn]
        contracts = Contracts(anvil.node, genesis_hash, addresses)
        bridge_id = BridgeId(CHAIN_ID, bytes.fromhex(contracts.bridge[2:]))
        configs = [_config(world, folder / f"guardian-{n}", anvil.url, bridge_id) for n in range(3)]
        key_folder = world.folder / "keys"
        (key_folder / "quotes.seed").touch(mode=0o600)
        (key_folder / "quotes.seed").write_bytes(contracts.hub.to_bytes())
        async with running(*configs, now_s=lambda: int(clock().timestamp())) as guardians:
            settings = BridgeSettings(
                rpc_url=anvil.url,
                chain_id=CHAIN_ID,
                address=bridge_id.address,
                guardians=tuple(guardian.url for guardian in guardians),
            )
            bridge = open_bridge(world.pool, key_folder, settings, genesis_hash, clock)
            baht = Baht(world, contracts, bridge, [own.solana for own in drawn])
            job = job_of(world, settings, clock)
            relay = address_of_key(relay_key(key_folder))
            anvil.node.call("anvil_setBalance", f"0x{relay.hex()}", hex(10**18))
            opened = RelayWorld(baht, settings, guardians, job, anvil, clock)
            async with aclosing(bridge):
                with world.having(bridge=bridge, clock=clock):
                    await baht.open()
                    try:
                        yield opened
                    finally:
                        await opened.job.aclose()


def job_of(
    world: HubWorld,
    settings: BridgeSettings,
    clock: Callable[[], dt.datetime] = utc_now,
    poll_s: float = 0.1,
) -> BridgeJob:
    """The hub's job for a bridge, as a process that begins makes it."""
    genesis_hash = decode(world.context.deployment.genesis_hash)
    reservations = reservations_of(world)
    return open_job(
        world.pool, world.folder / "keys", settings, genesis_hash, reservations, clock, poll_s
    )


def reservations_of(world: HubWorld) -> Reservations:
    """The Solana side, for whoever hands in guardians' signatures."""
    context = world.context
    return Reservations(
        context.client,
        context.sender,
        context.programs["trading"],
        context.addresses,
        context.deployment.deployment,
    )


def _config(world: HubWorld, folder: Path, evm_url: str, bridge: BridgeId) -> Config:
    return Config(
        folder=folder,
        solana_url=world.context.public_rpc_url,
        genesis_hash=decode(world.context.deployment.genesis_hash),
        addresses=world.context.addresses,
        evm_url=evm_url,
        bridge=bridge,
        start_block=0,
        confirmations=None,
        poll_s=1,
        stale_after_s=1800,
        port=0,
    )
