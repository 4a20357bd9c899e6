"""The bridge of a hub: where it is set alone, with a key of its own, and with the token it says."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from baht_world import CHAIN_ID, Baht, match
from coincurve import PrivateKey
from hub_world import expect, expect_problem

from gridtokenx_hub.bridge import Bridge, open_bridge
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.clocks import utc_now
from gridtokenx_hub.settings import BridgeSettings
from gridtokenx_programs.evm import address_of_key

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOBODY = f"0x{'11' * 20}"


def settings(rpc_url: str, address: str) -> BridgeSettings:
    return BridgeSettings(
        rpc_url=rpc_url, chain_id=CHAIN_ID, address=address, guardians=("http://127.0.0.1:1",)
    )


@asynccontextmanager
async def opened(baht: Baht, folder: Path, chosen: BridgeSettings) -> AsyncIterator[Bridge]:
    """The bridge of these settings in the hub's place for it."""
    bridge = open_bridge(baht.world.pool, folder, chosen, bytes(32), utc_now)
    async with aclosing(bridge):
        with baht.world.having(bridge=bridge):
            yield bridge


async def test_it_is_opened_from_settings_and_keys(baht: Baht, tmp_path: Path) -> None:
    """The key is drawn once; the token is what the contract names."""
    chosen = settings(baht.bridge.client._rpc.url, baht.contracts.bridge)
    signers = set()
    for _ in range(2):
        async with opened(baht, tmp_path, chosen) as bridge:
            signers.add(bridge.quotes.signer)
            assert f"0x{(await bridge.token()).hex()}" == baht.contracts.thbc.lower()
    seed = tmp_path / "quotes.seed"
    assert signers == {address_of_key(PrivateKey(seed.read_bytes()))}
    assert seed.stat().st_mode & 0o077 == 0


async def test_no_contract_there(baht: Baht, tmp_path: Path) -> None:
    chosen = settings(baht.bridge.client._rpc.url, NOBODY)
    async with opened(baht, tmp_path, chosen) as bridge:
        with pytest.raises(ChainUnavailable, match=f"no bridge at {NOBODY}"):
            await bridge.token()


async def test_nothing_is_reserved_while_the_evm_is_away(baht: Baht, tmp_path: Path) -> None:
    """Who could not pay does not get a reservation either."""
    seller, buyer = await baht.world.seller(1), await baht.world.user()
    order_id = (await baht.world.sell(seller, 1, 3))["order_id"]
    away = settings("http://127.0.0.1:1", baht.contracts.bridge)
    async with opened(baht, tmp_path, away):
        expect_problem(await match(baht.world, buyer, order_id), 503, "ChainUnavailable")
    shown = expect(await baht.world.get(f"/api/trading/orders/{order_id}"), 200)
    assert shown["remaining_kwh"] == 1


async def test_guardians_of_another_bridge(baht: Baht, tmp_path: Path) -> None:
    """A quote that those in office would never attest is not made."""
    seller, buyer = await baht.world.seller(1), await baht.world.user()
    order_id = (await baht.world.sell(seller, 1, 3))["order_id"]
    other = settings(baht.bridge.client._rpc.url, NOBODY)
    async with opened(baht, tmp_path, other) as bridge:
        bridge._token = bytes(20)
        expect_problem(await match(baht.world, buyer, order_id), 409, "BahtNotOffered")
    shown = expect(await baht.world.get(f"/api/trading/orders/{order_id}"), 200)
    assert shown["remaining_kwh"] == 1, "nothing is reserved for it"


async def test_a_hub_that_sells_for_grx_alone_does_not_load_it() -> None:
    """Neither does its command line."""
    check = (
        "import sys, gridtokenx_hub.cli, gridtokenx_hub.process\n"
        "sys.exit(any(name.startswith('gridtokenx_hub.bridge') for name in sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", check)
    assert await process.wait() == 0
