"""A market with something of every kind in it, on the chain and in the database."""

from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.onchain import ADDRESSES, KWH, World, now_ms, running

PRICE = 3_000_000


async def open_market(world: World) -> Pubkey:
    """A meter settled by the hub, an order half sold, an offer; returns the order."""
    seller, buyer = await world.household(), await world.household("Consumer")
    device = await world.device(seller)
    device.produce(12)
    await world.store(device, device.record(now_ms() // 1000 * 1000))
    async with running(world.indexer(), world.settlement()):
        await world.states_become(device, "settled")
        await world.mint_grx(buyer, 1_000 * PRICE)
        order = await world.sell(seller, 1, 10, PRICE)
        await world.buy(buyer, seller, order, 4, PRICE)
        await offer(world, buyer)
        await world.agrees_with_chain()
    return order


async def offer(world: World, buyer: Keypair) -> Pubkey:
    """Put an offer for 2 kWh into the book."""
    nonce = now_ms()
    address = ADDRESSES.offer(buyer.pubkey(), nonce)
    terms: dict[str, Any] = {
        "nonce": nonce,
        "amount_mwh": 2 * KWH,
        "price_micro_grx": PRICE,
        "expires_at": 0,
    }
    accounts = {
        "market": ADDRESSES.market(),
        "buyer": buyer.pubkey(),
        "buyer_user": ADDRESSES.user(buyer.pubkey()),
        "offer": address,
        "escrow": ADDRESSES.escrow(address),
        "buyer_grx": ADDRESSES.associated_token(buyer.pubkey(), ADDRESSES.grx_mint()),
        "grx_mint": ADDRESSES.grx_mint(),
    }
    await world.send("trading", "create_offer", terms, accounts, buyer)
    return address
