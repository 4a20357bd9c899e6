"""trading: create_offer."""

from typing import Any

import pytest
from exchange import PRICE, Exchange, Party
from grid import (
    KWH,
    edit_account,
    other_bump,
    prefund,
    with_accounts,
    with_data,
    without_signature,
)  # fmt: skip
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount, TokenAccountState

MAX_COMPUTE_UNITS = 8_500
GRX = 1_000_000
U64_MAX = 2**64 - 1
LAST = 2**63 - 1
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


@pytest.fixture
def buyer(exchange: Exchange) -> Party:
    return exchange.party(grx=100 * GRX, user_type="Consumer")


def refuse(exchange: Exchange, error: str, buyer: Party, **changed: Any) -> None:
    """The offer is refused, and the buyer keeps everything."""
    before = exchange.balances(buyer), exchange.market()
    exchange.world.refuse(error, exchange.create_offer(buyer, **changed), signers=[buyer.key])
    assert (exchange.balances(buyer), exchange.market()) == before


def test_creates_an_offer_and_fills_its_escrow(exchange: Exchange, buyer: Party) -> None:
    expires_at = exchange.world.now + 60
    instruction = exchange.create_offer(buyer, nonce=7, expires_at=expires_at)
    outcome = exchange.world.send(instruction, signers=[buyer.key])
    address = exchange.offer_address(buyer, 7)
    escrow = exchange.addresses.escrow(address)
    offer = exchange.world.account(exchange.program, "Offer", address)
    seeds = [b"offer", bytes(buyer.wallet), exchange.nonce(7).to_bytes(8, "little")]
    for bump, parts, expected in (
        (offer.pop("bump"), seeds, address),
        (offer.pop("escrow_bump"), [b"escrow", bytes(address)], escrow),
    ):
        assert Pubkey.create_program_address([*parts, bytes([bump])], exchange.program.id) == (
            expected
        )
    told = {
        "number": 1,
        "buyer": buyer.wallet,
        "amount_mwh": 10 * KWH,
        "price_micro_grx": PRICE,
        "expires_at": expires_at,
    }
    assert offer == told | {
        "nonce": exchange.nonce(7),
        "filled_mwh": 0,
        "status": "Active",
        "created_at": exchange.world.sent_at,
        "rent_payer": exchange.world.payer.pubkey(),
        "entered": False,
    }
    assert exchange.world.token(escrow) == TokenAccount(
        exchange.grx_mint, address, 30 * GRX, None, TokenAccountState.Initialized, None, 0, None
    )
    assert exchange.balances(buyer) == [(0, 70 * GRX)]
    [event] = outcome.events
    assert event.name == "OfferCreated"
    assert event.data == told | {
        "sequence": 2,
        "offer": address,
        "timestamp": exchange.world.sent_at,
    }


def test_is_cheap(exchange: Exchange) -> None:
    units = []
    for _ in range(15):  # an address costs more, the lower its bump
        buyer = exchange.party(grx=100 * GRX)
        outcome = exchange.world.send(exchange.create_offer(buyer), signers=[buyer.key])
        units.append(outcome.compute_units)
    assert sorted(units)[7] < MAX_COMPUTE_UNITS


def test_offers_are_numbered_apart_from_orders(exchange: Exchange, buyer: Party) -> None:
    exchange.sale(exchange.party(energy=10 * KWH))
    other = exchange.party(grx=100 * GRX)
    bids = [exchange.bid(buyer, 1), exchange.bid(other, 1), exchange.bid(buyer, 2)]
    assert [exchange.offer(bid)["number"] for bid in bids] == [1, 2, 3]
    market = exchange.market()
    assert (market["next_order_number"], market["next_offer_number"]) == (2, 4)


def test_the_buyer_has_the_grx(exchange: Exchange) -> None:
    poor = exchange.party(grx=30 * GRX - 1)
    refuse(exchange, "InsufficientBalance", poor)
    exact = exchange.party(grx=30 * GRX)
    exchange.bid(exact)
    assert exchange.balances(exact) == [(0, 0)]


def test_the_escrow_is_rounded_up_once(exchange: Exchange, buyer: Party) -> None:
    bid = exchange.bid(buyer, amount_mwh=1_000, price_micro_grx=1)
    assert exchange.world.balance(bid.escrow) == 1


@pytest.mark.parametrize("amount", [0, 999, 1_001, U64_MAX, LAST + 1])
def test_amounts_are_whole_lots(exchange: Exchange, buyer: Party, amount: int) -> None:
    refuse(exchange, "InvalidAmount", buyer, amount_mwh=amount)


@pytest.mark.parametrize("price", [0, LAST + 1, U64_MAX])
def test_prices_are_positive_and_fit_63_bits(exchange: Exchange, buyer: Party, price: int) -> None:
    refuse(exchange, "InvalidPrice", buyer, price_micro_grx=price, amount_mwh=1_000)


def test_the_total_fits_63_bits(exchange: Exchange, buyer: Party) -> None:
    whole = LAST - LAST % 1000
    refuse(exchange, "InvalidPrice", buyer, amount_mwh=whole, price_micro_grx=1_000_001)


def test_an_expiry_lies_in_the_future(exchange: Exchange, buyer: Party) -> None:
    for expiry in (-1, exchange.world.now):
        refuse(exchange, "InvalidExpiry", buyer, expires_at=expiry)


def test_buyers_are_registered(exchange: Exchange, buyer: Party) -> None:
    stranger = exchange.unregistered(grx=100 * GRX)
    refuse(exchange, "NotRegistered", stranger)
    refuse(exchange, "NotRegistered", stranger, buyer_user=exchange.addresses.user(buyer.wallet))


def test_the_buyer_and_payer_sign(exchange: Exchange, buyer: Party) -> None:
    world, thief = exchange.world, exchange.party()
    world.refuse("MissingSignature", without_signature(exchange.create_offer(buyer), buyer.wallet))
    payer = world.wallet()
    unpaid = without_signature(exchange.create_offer(buyer, payer=payer.pubkey()), payer.pubkey())
    world.refuse("MissingSignature", unpaid, signers=[buyer.key])
    refuse(exchange, "InvalidTokenAccount", thief, buyer_grx=buyer.grx)


def test_money_is_of_the_markets_mint(exchange: Exchange, buyer: Party) -> None:
    world = exchange.world
    other = world.put_mint()
    toys = world.put_tokens(other, buyer.wallet, 100 * GRX)
    energy = world.put_tokens(exchange.energy_mint, buyer.wallet, 100 * GRX)
    refuse(exchange, "InvalidTokenAccount", buyer, buyer_grx=toys)
    refuse(exchange, "InvalidTokenAccount", buyer, buyer_grx=energy)
    refuse(exchange, "InvalidMint", buyer, buyer_grx=toys, grx_mint=other)
    refuse(exchange, "InvalidMint", buyer, grx_mint=exchange.energy_mint)
    delegated = world.put_tokens(
        exchange.grx_mint, buyer.wallet, 100 * GRX, delegate=Pubkey.new_unique()
    )
    refuse(exchange, "InvalidTokenAccount", buyer, buyer_grx=delegated)


@pytest.mark.parametrize(
    "name", ["token_program", "system_program", "event_authority", "program", "escrow"]
)
def test_a_stray_account_is_refused(exchange: Exchange, buyer: Party, name: str) -> None:
    refuse(exchange, "InvalidAccount", buyer, **{name: TOKEN_2022})


def test_an_offer_lies_at_its_buyers_address(exchange: Exchange, buyer: Party) -> None:
    nonce = exchange.nonce(1).to_bytes(8, "little")
    for address in (
        exchange.offer_address(buyer, 2),
        exchange.order_address(buyer),
        exchange.offer_address(exchange.party()),
        other_bump([b"offer", bytes(buyer.wallet), nonce], exchange.program.id),
    ):
        refuse(exchange, "InvalidAccount", buyer, offer=address)
    bid = exchange.bid(buyer)
    refuse(exchange, "InvalidNonce", buyer, nonce=2, offer=bid.address)
    refuse(exchange, "InvalidAccount", buyer, nonce=2, escrow=bid.escrow)


@pytest.mark.parametrize("name", ["offer", "escrow"])
def test_lamports_sent_ahead_do_not_block_it(exchange: Exchange, buyer: Party, name: str) -> None:
    offer = exchange.offer_address(buyer)
    escrow = exchange.addresses.escrow(offer)
    prefund(exchange.world, {"offer": offer, "escrow": escrow}[name])
    exchange.bid(buyer)
    assert exchange.world.balance(escrow) == 30 * GRX


@pytest.mark.forged
def test_a_paused_market_takes_no_offers(exchange: Exchange, buyer: Party) -> None:
    market = exchange.addresses.market()
    edit_account(exchange.world, exchange.program, "Market", market, paused=True)
    refuse(exchange, "MarketPaused", buyer)


def test_the_shape_is_checked(exchange: Exchange, buyer: Party) -> None:
    instruction = exchange.create_offer(buyer)
    metas, signers = list(instruction.accounts), [buyer.key]
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        exchange.world.refuse(
            "WrongNumberOfAccounts", with_accounts(instruction, wrong), signers=signers
        )
    data = bytes(instruction.data)
    for wrong_data in (data[:-1], data + b"\0", data[:8]):
        exchange.world.refuse(
            "InvalidArguments", with_data(instruction, wrong_data), signers=signers
        )
