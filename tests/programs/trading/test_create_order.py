"""trading: create_order."""

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
U64_MAX = 2**64 - 1
LAST = 2**63 - 1
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


@pytest.fixture
def seller(exchange: Exchange) -> Party:
    return exchange.party(energy=100 * KWH)


def refuse(exchange: Exchange, error: str, seller: Party, **changed: Any) -> None:
    """The order is refused, and the seller keeps everything."""
    before = exchange.balances(seller), exchange.market()
    exchange.world.refuse(error, exchange.create_order(seller, **changed), signers=[seller.key])
    assert (exchange.balances(seller), exchange.market()) == before


def test_creates_an_order_and_fills_its_escrow(exchange: Exchange, seller: Party) -> None:
    expires_at = exchange.world.now + 60
    instruction = exchange.create_order(seller, nonce=7, expires_at=expires_at)
    outcome = exchange.world.send(instruction, signers=[seller.key])
    address = exchange.order_address(seller, 7)
    escrow = exchange.addresses.escrow(address)
    order = exchange.world.account(exchange.program, "Order", address)
    seeds = [b"order", bytes(seller.wallet), exchange.nonce(7).to_bytes(8, "little")]
    for bump, parts, expected in (
        (order.pop("bump"), seeds, address),
        (order.pop("escrow_bump"), [b"escrow", bytes(address)], escrow),
    ):
        assert Pubkey.create_program_address([*parts, bytes([bump])], exchange.program.id) == (
            expected
        )
    told = {
        "number": 1,
        "seller": seller.wallet,
        "amount_mwh": 10 * KWH,
        "price_micro_grx": PRICE,
        "expires_at": expires_at,
    }
    assert order == told | {
        "nonce": exchange.nonce(7),
        "filled_mwh": 0,
        "reserved_mwh": 0,
        "returned_mwh": 0,
        "paid_micro_grx": 0,
        "reserved_micro_grx": 0,
        "status": "Active",
        "ending": "None",
        "created_at": exchange.world.sent_at,
        "rent_payer": exchange.world.payer.pubkey(),
        "entered": False,
    }
    assert exchange.world.token(escrow) == TokenAccount(
        exchange.energy_mint, address, 10 * KWH, None, TokenAccountState.Initialized, None, 0, None
    )
    assert exchange.balances(seller) == [(90 * KWH, 0)]
    [event] = outcome.events
    assert event.name == "OrderCreated"
    assert event.data == told | {
        "sequence": 2,
        "order": address,
        "timestamp": exchange.world.sent_at,
    }


def test_is_cheap(exchange: Exchange) -> None:
    units = []
    for _ in range(15):  # an address costs more, the lower its bump
        seller = exchange.party(energy=100 * KWH)
        outcome = exchange.world.send(exchange.create_order(seller), signers=[seller.key])
        units.append(outcome.compute_units)
    assert sorted(units)[7] < MAX_COMPUTE_UNITS


def test_the_market_numbers_orders_of_all_sellers(exchange: Exchange, seller: Party) -> None:
    other = exchange.party(energy=100 * KWH)
    offers = [exchange.sale(party, nonce) for nonce in (1, 5) for party in (seller, other)]
    assert [exchange.order(sale)["number"] for sale in offers] == [1, 2, 3, 4]
    market = exchange.market()
    assert (market["next_order_number"], market["event_sequence"]) == (5, 5)


def test_two_orders_fit_one_transaction(exchange: Exchange, seller: Party) -> None:
    instructions = [exchange.create_order(seller, nonce) for nonce in (1, 2)]
    outcome = exchange.world.send(*instructions, signers=[seller.key])
    assert [event.data["number"] for event in outcome.events] == [1, 2]
    assert [event.data["sequence"] for event in outcome.events] == [2, 3]


def test_an_order_is_not_made_anew(exchange: Exchange, seller: Party) -> None:
    sale = exchange.sale(seller)
    before = exchange.order(sale)
    refuse(exchange, "InvalidNonce", seller, nonce=2, order=sale.address)
    assert exchange.order(sale) == before
    again = [exchange.create_order(seller, nonce=2) for _ in range(2)]
    exchange.world.refuse("InvalidNonce", *again, signers=[seller.key])


@pytest.mark.parametrize("amount", [0, 1, 999, 1_001, U64_MAX, LAST + 1, U64_MAX - U64_MAX % 1000])
def test_amounts_are_whole_lots(exchange: Exchange, seller: Party, amount: int) -> None:
    refuse(exchange, "InvalidAmount", seller, amount_mwh=amount)


@pytest.mark.parametrize("price", [0, LAST + 1, U64_MAX])
def test_prices_are_positive_and_fit_63_bits(exchange: Exchange, seller: Party, price: int) -> None:
    refuse(exchange, "InvalidPrice", seller, price_micro_grx=price, amount_mwh=1_000)


@pytest.mark.forged
def test_the_total_fits_63_bits(exchange: Exchange) -> None:
    seller = exchange.party(energy=U64_MAX)
    whole = LAST - LAST % 1000
    refuse(exchange, "InvalidPrice", seller, amount_mwh=whole, price_micro_grx=LAST)
    refuse(exchange, "InvalidPrice", seller, amount_mwh=whole, price_micro_grx=1_000_001)
    refuse(exchange, "InvalidPrice", seller, amount_mwh=2 * KWH, price_micro_grx=LAST // 2 + 1)
    exchange.sale(seller, 1, amount_mwh=2 * KWH, price_micro_grx=LAST // 2)
    exchange.sale(seller, 2, amount_mwh=whole, price_micro_grx=1_000_000)
    exchange.sale(seller, 3, amount_mwh=1_000, price_micro_grx=1)


def test_an_expiry_lies_in_the_future(exchange: Exchange, seller: Party) -> None:
    exchange.world.await_tick()
    for expiry in (-1, 1, exchange.world.now - 1, exchange.world.now, -(2**63)):
        refuse(exchange, "InvalidExpiry", seller, expires_at=expiry)
    exchange.sale(seller, 1, expires_at=exchange.world.now + 1)
    exchange.sale(seller, 2, expires_at=LAST)


def test_the_seller_has_the_energy(exchange: Exchange) -> None:
    poor = exchange.party(energy=10 * KWH - 1)
    refuse(exchange, "InsufficientBalance", poor)
    exact = exchange.party(energy=10 * KWH)
    exchange.sale(exact)
    assert exchange.balances(exact) == [(0, 0)]


@pytest.mark.forged
def test_sellers_are_registered(exchange: Exchange, seller: Party) -> None:
    world, stranger = exchange.world, exchange.unregistered(energy=10 * KWH)
    refuse(exchange, "NotRegistered", stranger)
    of_seller = exchange.addresses.user(seller.wallet)
    refuse(exchange, "NotRegistered", stranger, seller_user=of_seller)
    data = world.data(of_seller)
    forged = data[:8] + bytes(stranger.wallet) + data[40:]
    world.put(exchange.addresses.user(stranger.wallet), exchange.program.id, forged)
    refuse(exchange, "NotRegistered", stranger)
    config = exchange.addresses.registry_config()
    refuse(exchange, "NotRegistered", stranger, seller_user=config)


def test_the_seller_and_payer_sign(exchange: Exchange, seller: Party) -> None:
    world, thief = exchange.world, exchange.party()
    unsigned = without_signature(exchange.create_order(seller), seller.wallet)
    world.refuse("MissingSignature", unsigned)
    payer = world.wallet()
    unpaid = without_signature(exchange.create_order(seller, payer=payer.pubkey()), payer.pubkey())
    world.refuse("MissingSignature", unpaid, signers=[seller.key])
    refuse(exchange, "InvalidTokenAccount", thief, seller_energy=seller.energy)


def test_another_may_pay_the_rent(exchange: Exchange, seller: Party) -> None:
    payer = exchange.world.wallet()
    instruction = exchange.create_order(seller, payer=payer.pubkey())
    exchange.world.send(instruction, signers=[seller.key, payer])
    order = exchange.order_address(seller)
    assert exchange.world.account(exchange.program, "Order", order)["rent_payer"] == payer.pubkey()


def test_energy_is_of_the_markets_mint(exchange: Exchange, seller: Party) -> None:
    world = exchange.world
    other = world.put_mint()
    counterfeit = world.put_tokens(other, seller.wallet, 10 * KWH)
    refuse(exchange, "InvalidTokenAccount", seller, seller_energy=counterfeit)
    refuse(exchange, "InvalidMint", seller, seller_energy=counterfeit, energy_mint=other)
    refuse(exchange, "InvalidMint", seller, energy_mint=exchange.grx_mint)
    grx = world.put_tokens(exchange.grx_mint, seller.wallet, 10 * KWH)
    refuse(exchange, "InvalidTokenAccount", seller, seller_energy=grx)


@pytest.mark.parametrize(
    "tainted",
    [
        {"delegate": Pubkey.new_unique()},
        {"close_authority": Pubkey.new_unique()},
        pytest.param({"state": TokenAccountState.Frozen}, marks=pytest.mark.forged),
        pytest.param({"state": TokenAccountState.Uninitialized}, marks=pytest.mark.forged),
        pytest.param({"program": TOKEN_2022}, marks=pytest.mark.forged),
    ],
    ids="".join,
)
def test_tainted_token_accounts_are_refused(
    exchange: Exchange, seller: Party, tainted: dict[str, Any]
) -> None:
    account = exchange.world.put_tokens(exchange.energy_mint, seller.wallet, 10 * KWH, **tainted)
    refuse(exchange, "InvalidTokenAccount", seller, seller_energy=account)


@pytest.mark.parametrize(
    "name", ["token_program", "system_program", "event_authority", "program", "escrow"]
)
def test_a_stray_account_is_refused(exchange: Exchange, seller: Party, name: str) -> None:
    refuse(exchange, "InvalidAccount", seller, **{name: Pubkey.new_unique()})


def test_another_token_program_is_refused(exchange: Exchange, seller: Party) -> None:
    refuse(exchange, "InvalidAccount", seller, token_program=TOKEN_2022)


def test_an_order_lies_at_its_sellers_address(exchange: Exchange, seller: Party) -> None:
    other = exchange.party()
    for address in (
        exchange.order_address(seller, 2),
        exchange.order_address(other),
        exchange.offer_address(seller),
        other_bump(
            [b"order", bytes(seller.wallet), exchange.nonce(1).to_bytes(8, "little")],
            exchange.program.id,
        ),
    ):
        refuse(exchange, "InvalidAccount", seller, order=address)


def test_an_escrow_is_the_orders_own(exchange: Exchange, seller: Party) -> None:
    sale = exchange.sale(seller)
    order = exchange.order_address(seller, 2)
    own = exchange.world.put_tokens(exchange.energy_mint, seller.wallet)
    second = other_bump([b"escrow", bytes(order)], exchange.program.id)
    for escrow in (sale.escrow, own, second, seller.energy):
        refuse(exchange, "InvalidAccount", seller, nonce=2, escrow=escrow)


def test_no_account_is_two_things(exchange: Exchange, seller: Party) -> None:
    sale, market = exchange.sale(seller), exchange.addresses.market()
    order = exchange.order_address(seller, 2)
    for escrow in (order, sale.address, market, seller.energy):
        refuse(exchange, "InvalidAccount", seller, nonce=2, escrow=escrow)
    for taken in (sale.address, sale.escrow, market):
        refuse(exchange, "InvalidNonce", seller, nonce=2, order=taken)


@pytest.mark.forged
def test_the_market_is_the_programs_own(exchange: Exchange, seller: Party) -> None:
    world, address = exchange.world, Pubkey.new_unique()
    sale = exchange.sale(seller)
    data = world.data(exchange.addresses.market())
    world.put(address, world.registry.id, data)
    for market in (address, sale.address, world.payer.pubkey()):
        refuse(exchange, "InvalidAccount", seller, nonce=2, market=market)


@pytest.mark.parametrize("name", ["order", "escrow"])
def test_lamports_sent_ahead_do_not_block_it(exchange: Exchange, seller: Party, name: str) -> None:
    order = exchange.order_address(seller)
    escrow = exchange.addresses.escrow(order)
    prefund(exchange.world, {"order": order, "escrow": escrow}[name])
    exchange.sale(seller)
    assert exchange.world.balance(escrow) == 10 * KWH


@pytest.mark.forged
def test_a_paused_market_takes_no_orders(exchange: Exchange, seller: Party) -> None:
    edit_account(
        exchange.world, exchange.program, "Market", exchange.addresses.market(), paused=True
    )
    refuse(exchange, "MarketPaused", seller)


def test_the_shape_is_checked(exchange: Exchange, seller: Party) -> None:
    instruction = exchange.create_order(seller)
    metas, signers = list(instruction.accounts), [seller.key]
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        exchange.world.refuse(
            "WrongNumberOfAccounts", with_accounts(instruction, wrong), signers=signers
        )
    data = bytes(instruction.data)
    for wrong_data in (data[:-1], data + b"\0", data[:8]):
        exchange.world.refuse(
            "InvalidArguments", with_data(instruction, wrong_data), signers=signers
        )


def test_market_and_accounts_must_be_writable(exchange: Exchange, seller: Party) -> None:
    instruction = exchange.create_order(seller)
    metas = list(instruction.accounts)
    readonly = type(metas[0])(metas[0].pubkey, is_signer=False, is_writable=False)
    exchange.world.refuse(
        "InvalidAccount", with_accounts(instruction, [readonly, *metas[1:]]), signers=[seller.key]
    )
