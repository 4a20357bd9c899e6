"""From a signed reading to a trade, through all three programs as they are deployed."""

import pytest
from exchange import PRICE, Exchange, Party, Sale
from grid import INTERVAL_S, KWH
from harness import Device
from solders.token.state import Mint

from gridtokenx_programs import create_associated_token
from gridtokenx_programs.addresses import associated_token
from gridtokenx_programs.precompiles import ED25519, P256


@pytest.mark.clock_jump
@pytest.mark.parametrize("algorithm", [ED25519, P256], ids=["ed25519", "p256"])
def test_metered_surplus_is_minted_sold_and_paid(exchange: Exchange, algorithm: int) -> None:
    world, grid = exchange.world, exchange.grid
    site = grid.site(Device(algorithm))
    buyer = world.wallet(0)
    world.send(grid.register_user(buyer.pubkey(), "Consumer"), signers=[buyer])
    accounts = [
        (key, mint)
        for key in (site.owner, buyer)
        for mint in (exchange.energy_mint, exchange.grx_mint)
    ]
    world.send(
        *(
            create_associated_token(world.payer.pubkey(), key.pubkey(), mint)
            for key, mint in accounts
        )
    )
    seller_energy, seller_grx, buyer_energy, buyer_grx = (
        associated_token(key.pubkey(), mint) for key, mint in accounts
    )
    world.send(grid.mint_grx(buyer_grx, 100 * KWH), signers=[grid.treasury])

    world.set_time(world.now + INTERVAL_S)
    site.token = seller_energy
    site.settle(site.reading())  # 2 kWh produced, 0.5 consumed
    assert world.balance(seller_energy) == 3 * KWH // 2

    seller = Party(site.owner, seller_energy, seller_grx)
    sale: Sale = exchange.sale(seller, amount_mwh=3 * KWH // 2)
    exchange.buy(sale, Party(buyer, buyer_energy, buyer_grx), KWH)
    assert world.balance(buyer_energy) == KWH
    assert world.balance(seller_grx) == PRICE
    assert world.balance(buyer_grx) == 100 * KWH - PRICE
    energy = [seller_energy, buyer_energy, sale.escrow]
    supply = Mint.from_bytes(world.data(exchange.energy_mint)).supply
    assert sum(world.balance(account) for account in energy) == supply == 3 * KWH // 2
