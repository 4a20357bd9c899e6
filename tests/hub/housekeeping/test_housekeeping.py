"""What is over goes: energy, GRX and rent come back to whose they are, and nothing else moves."""

import datetime as dt
from typing import Any

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.onchain import ADDRESSES, KWH, PROGRAMS, World, now_ms, running, until

from gridtokenx_hub.housekeeping import Housekeeping
from gridtokenx_programs.tokens import TOKEN_PROGRAM

PRICE = 1_000_000
CLOSE_TOKEN_ACCOUNT = b"\x09"
SPENT_SOON_MS = -598_000
"""A nonce that can be used up to ten minutes later, and is spent then."""


def housekeeping(world: World, ahead: dt.timedelta = dt.timedelta()) -> Housekeeping:
    return Housekeeping(
        world.pool,
        world.client,
        world.sender,
        PROGRAMS,
        ADDRESSES,
        lambda: dt.datetime.now(dt.UTC) + ahead,
        0.05,
    )


async def seller_with(world: World, kwh: int) -> Keypair:
    device = await world.device()
    device.produce(kwh)
    await world.settle(device, device.record(now_ms() // 1000 * 1000))
    return device.owner


async def offer(world: World, buyer: Keypair, kwh: int, nonce: int, expires_at: int = 0) -> Pubkey:
    nonce += now_ms()
    address = ADDRESSES.offer(buyer.pubkey(), nonce)
    terms = {
        "nonce": nonce,
        "amount_mwh": kwh * KWH,
        "price_micro_grx": PRICE,
        "expires_at": expires_at,
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


async def cancel(world: World, seller: Keypair, order: Pubkey) -> None:
    accounts = {
        "market": ADDRESSES.market(),
        "order": order,
        "escrow": ADDRESSES.escrow(order),
        "seller": seller.pubkey(),
        "seller_energy": ADDRESSES.associated_token(seller.pubkey(), ADDRESSES.energy_mint()),
    }
    await world.send("trading", "cancel", {}, accounts, seller)


async def is_gone(world: World, address: Pubkey) -> bool:
    return await world.client.account(address) is None


async def grx_of(world: World, owner: Keypair) -> int:
    account = ADDRESSES.associated_token(owner.pubkey(), ADDRESSES.grx_mint())
    return await world.client.token_balance(account)


async def status_of(world: World, table: str, address: Pubkey) -> Any:
    queries = {
        "orders": "SELECT status FROM orders WHERE order_id = $1",
        "offers": "SELECT status FROM offers WHERE offer_id = $1",
    }
    return await world.pool.fetchval(queries[table], str(address))


async def test_what_has_expired_comes_back(world: World) -> None:
    """Of many, more than a transaction holds; what has no expiry, or a later one, stays."""
    seller, buyer = await seller_with(world, 10), await world.household("Consumer")
    await world.mint_grx(buyer, 5 * PRICE)
    soon, late = now_ms() // 1000 + 3, now_ms() // 1000 + 3_600
    orders = [await world.sell(seller, n, 1, PRICE, soon) for n in range(8)]
    offers = [await offer(world, buyer, 1, n, soon) for n in range(2)]
    stay = [await world.sell(seller, 100, 1, PRICE), await world.sell(seller, 101, 1, PRICE, late)]
    async with running(world.indexer(), housekeeping(world)):

        async def all_expired() -> bool:
            states = [await status_of(world, "orders", order) for order in orders]
            states += [await status_of(world, "offers", each) for each in offers]
            return set(states) == {"expired"}

        await until(all_expired)
        assert {await status_of(world, "orders", order) for order in stay} == {"active"}
        await world.agrees_with_chain()
    assert await world.energy_of(seller) == 8 * KWH
    assert await grx_of(world, buyer) == 5 * PRICE


async def test_what_is_over_is_closed(world: World) -> None:
    """Its rent goes to who paid it; an order that can be bought is not touched."""
    seller, buyer = await seller_with(world, 10), await world.household("Consumer")
    await world.mint_grx(buyer, 5 * PRICE)
    payers = [key.pubkey() for key in world.chain.keys.fee_payers]

    async def rent() -> int:
        return sum([await world.client.balance(payer) for payer in payers])

    before = await rent()
    orders = [await world.sell(seller, SPENT_SOON_MS + n, 1, PRICE) for n in range(3)]
    await world.buy(buyer, seller, orders[0], 1, PRICE)
    await cancel(world, seller, orders[1])
    taken_back = await offer(world, buyer, 1, SPENT_SOON_MS)
    accounts = {
        "market": ADDRESSES.market(),
        "offer": taken_back,
        "escrow": ADDRESSES.escrow(taken_back),
        "buyer": buyer.pubkey(),
        "buyer_grx": ADDRESSES.associated_token(buyer.pubkey(), ADDRESSES.grx_mint()),
    }
    await world.send("trading", "cancel_offer", {}, accounts, buyer)
    over = [*orders[:2], taken_back]
    paid = before - await rent()
    async with running(world.indexer(), housekeeping(world, dt.timedelta(minutes=21, seconds=1))):

        async def all_gone() -> bool:
            return all([await is_gone(world, entry) for entry in over])

        await until(all_gone)
        await world.agrees_with_chain()
    assert not await is_gone(world, orders[2])
    assert before - await rent() < paid / 2, "three of four entries gave their rent back"
    closed = "SELECT count(*) FROM {} WHERE closed_at IS NOT NULL"
    assert await world.pool.fetchval(closed.format("orders")) == 2
    assert await world.pool.fetchval(closed.format("offers")) == 1


async def test_one_that_is_refused_spoils_it_for_none(world: World) -> None:
    """A seller has closed the account to which the energy goes back."""
    odd, seller = await seller_with(world, 1), await seller_with(world, 3)
    soon = now_ms() // 1000 + 3
    stuck = await world.sell(odd, 0, 1, PRICE, soon)
    orders = [await world.sell(seller, n, 1, PRICE, soon) for n in range(3)]
    account = ADDRESSES.associated_token(odd.pubkey(), ADDRESSES.energy_mint())
    close = Instruction(
        TOKEN_PROGRAM,
        CLOSE_TOKEN_ACCOUNT,
        [
            AccountMeta(account, is_signer=False, is_writable=True),
            AccountMeta(odd.pubkey(), is_signer=False, is_writable=True),
            AccountMeta(odd.pubkey(), is_signer=True, is_writable=False),
        ],
    )
    await world.sender.send([close], [odd])
    async with running(world.indexer(), housekeeping(world)):

        async def others_expired() -> bool:
            states = [await status_of(world, "orders", order) for order in orders]
            return set(states) == {"expired"}

        await until(others_expired)
        assert await status_of(world, "orders", stuck) == "active"
        await world.agrees_with_chain()
