"""The bridge of a hub: where it is set alone, with a key of its own, and with the token it says."""

import asyncio
import sys
from pathlib import Path

import pytest
from baht_world import CHAIN_ID, Baht, match
from coincurve import PrivateKey
from hub_world import expect, expect_problem

from gridtokenx_hub.bridge import open_bridge
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.process import utc_now
from gridtokenx_hub.settings import BridgeSettings
from gridtokenx_programs.evm import address_of_key

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOBODY = f"0x{'11' * 20}"


def settings(rpc_url: str, address: str) -> BridgeSettings:
    return BridgeSettings(
        rpc_url=rpc_url, chain_id=CHAIN_ID, address=address, guardians=("http://127.0.0.1:1",)
    )


async def test_it_is_opened_from_settings_and_keys(baht: Baht, tmp_path: Path) -> None:
    """The key is drawn once; the token is what the contract names."""
    chosen = settings(baht.bridge.rpc_url, baht.contracts.bridge)
    bridges = [open_bridge(baht.world.pool, tmp_path, chosen, bytes(32), utc_now) for _ in range(2)]
    key = PrivateKey((tmp_path / "quotes.seed").read_bytes())
    assert {bridge.quotes.signer for bridge in bridges} == {address_of_key(key)}
    assert (tmp_path / "quotes.seed").stat().st_mode & 0o077 == 0
    assert f"0x{(await bridges[0].token()).hex()}" == baht.contracts.thbc.lower()


async def test_no_contract_there(baht: Baht, tmp_path: Path) -> None:
    chosen = settings(baht.bridge.rpc_url, NOBODY)
    bridge = open_bridge(baht.world.pool, tmp_path, chosen, bytes(32), utc_now)
    with pytest.raises(ChainUnavailable, match=f"no bridge at {NOBODY}"):
        await bridge.token()


async def test_nothing_is_reserved_while_the_evm_is_away(baht: Baht, tmp_path: Path) -> None:
    """Who could not pay does not get a reservation either."""
    seller, buyer = await baht.world.seller(1), await baht.world.user()
    order_id = (await baht.world.sell(seller, 1, 3))["order_id"]
    away = settings("http://127.0.0.1:1", baht.contracts.bridge)
    bridge = open_bridge(baht.world.pool, tmp_path, away, bytes(32), utc_now)
    with baht.world.having(bridge=bridge):
        expect_problem(await match(baht.world, buyer, order_id), 503, "ChainUnavailable")
    shown = expect(await baht.world.get(f"/api/trading/orders/{order_id}"), 200)
    assert shown["remaining_kwh"] == 1


async def test_guardians_of_another_bridge(baht: Baht, tmp_path: Path) -> None:
    """A quote that those in office would never attest is not made."""
    seller, buyer = await baht.world.seller(1), await baht.world.user()
    order_id = (await baht.world.sell(seller, 1, 3))["order_id"]
    other = settings(baht.bridge.rpc_url, NOBODY)
    bridge = open_bridge(baht.world.pool, tmp_path, other, bytes(32), utc_now)
    bridge._token = bytes(20)
    with baht.world.having(bridge=bridge):
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
