"""trading: reserve_order."""

from typing import Any

import pytest
from bridge import (
    BRIDGE,
    CHAIN_ID,
    GRX,
    HOLD_S,
    PAYMENT_S,
    PRICE_LIFE_S,
    RATE,
    Bridge,
    thbc,
)
from exchange import PRICE, Exchange, Party, Sale
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

MAX_COMPUTE_UNITS = 12_000
U64_MAX = 2**64 - 1
LAST = 2**63 - 1
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


@pytest.fixture
def seller(exchange: Exchange) -> Party:
    return exchange.party(energy=100 * KWH)


@pytest.fixture
def buyer(exchange: Exchange) -> Party:
    return exchange.party(user_type="Consumer")


@pytest.fixture
def sale(exchange: Exchange, seller: Party) -> Sale:
    return exchange.sale(seller)


def refuse(bridge: Bridge, error: str, sale: Sale, buyer: Party, **changed: Any) -> None:
    """The reservation is refused, and nothing moves."""

    def state() -> tuple[Any, ...]:
        exchange = bridge.exchange
        return exchange.order(sale), exchange.market(), bridge.world.balance(bridge.treasury_grx)

    before = state()
    instruction = bridge.reserve_order(sale, buyer, **changed)
    bridge.world.refuse(error, instruction, signers=[bridge.treasury])
    assert state() == before


def test_fixes_amounts_and_puts_the_grx_aside(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    world = bridge.world
    instruction = bridge.reserve_order(sale, buyer, 7, 4 * KWH, thbc(12 * GRX))
    outcome = world.send(instruction, signers=[bridge.treasury])
    address = bridge.addresses.reservation(buyer.wallet, 7)
    escrow = bridge.addresses.escrow(address)
    fixed = {
        "order": sale.address,
        "seller": sale.seller.wallet,
        "buyer": buyer.wallet,
        "nonce": 7,
        "amount_mwh": 4 * KWH,
        "payment_micro_grx": 12 * GRX,
        "payment_micro_thbc": 120_000_000,
        "evm_chain_id": CHAIN_ID,
        "bridge": BRIDGE,
        "pay_deadline": world.sent_at + PAYMENT_S,
        "hold_until": world.sent_at + PAYMENT_S + HOLD_S,
    }
    reservation = world.account(bridge.program, "Reservation", address)
    for bump, parts, expected in (
        (
            reservation.pop("bump"),
            [b"reservation", bytes(buyer.wallet), (7).to_bytes(8, "little")],
            address,
        ),
        (reservation.pop("escrow_bump"), [b"escrow", bytes(address)], escrow),
    ):
        assert Pubkey.create_program_address([*parts, bytes([bump])], bridge.program.id) == expected
    assert reservation == fixed | {
        "treasury": bridge.treasury.pubkey(),
        "rent_payer": world.payer.pubkey(),
    }
    assert world.balance(escrow) == 12 * GRX
    assert world.balance(bridge.treasury_grx) == 999_988 * GRX
    assert world.balance(sale.escrow) == 10 * KWH
    order = bridge.exchange.order(sale)
    assert (order["reserved_mwh"], order["reserved_micro_grx"]) == (4 * KWH, 12 * GRX)
    assert (order["status"], order["filled_mwh"]) == ("Active", 0)
    trader = world.account(bridge.program, "Trader", bridge.addresses.trader(buyer.wallet))
    assert trader["open_reservation"] == address
    assert trader["last_reservation_nonce"] == 7
    [event] = outcome.events
    assert event.name == "Reserved"
    assert event.data == fixed | {
        "sequence": bridge.exchange.market()["event_sequence"],
        "reservation": address,
        "number": 1,
        "price_micro_grx": PRICE,
        "rate_micro_thb_per_grx": RATE,
        "reserved_mwh": 4 * KWH,
        "status": 1,
        "timestamp": world.sent_at,
    }


def test_is_cheap(bridge: Bridge, seller: Party) -> None:
    units = []
    for nonce in range(1, 10):  # an address costs more, the lower its bump
        sale, buyer = bridge.exchange.sale(seller, nonce), bridge.exchange.party()
        outcome = bridge.world.send(bridge.reserve_order(sale, buyer), signers=[bridge.treasury])
        units.append(outcome.compute_units)
    assert sorted(units)[4] < MAX_COMPUTE_UNITS


def test_what_is_left_stays_tradable(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    exchange = bridge.exchange
    bridge.reserve(sale, buyer, amount_mwh=4 * KWH, payment_micro_thbc=thbc(12 * GRX))
    other = exchange.party(grx=100 * GRX)
    too_much = exchange.match_order(sale, other, 6 * KWH + 1_000)
    exchange.world.refuse("AmountMismatch", too_much, signers=[other.key])
    [event] = exchange.buy(sale, other, 5 * KWH).events
    assert (event.data["payment_micro_grx"], event.data["status"]) == (15 * GRX, 1)
    [event] = exchange.buy(sale, other, KWH).events
    assert event.data["status"] == 2  # Matching: all that is left is reserved
    refused = exchange.match_order(sale, other, 1_000)
    exchange.world.refuse("InvalidOrder", refused, signers=[other.key])
    third = exchange.party()
    refuse(bridge, "InvalidOrder", sale, third, amount_mwh=1_000, payment_micro_thbc=30_000)


def test_one_open_reservation_for_each_buyer(bridge: Bridge, seller: Party, buyer: Party) -> None:
    sales = [bridge.exchange.sale(seller, nonce) for nonce in (1, 2)]
    first = bridge.reserve(sales[0], buyer)
    refuse(bridge, "ReservationOpen", sales[1], buyer, nonce=2)
    bridge.settle(first)
    bridge.reserve(sales[1], buyer, nonce=2)


def test_nonces_rise_and_are_not_the_buyers_own(bridge: Bridge, seller: Party) -> None:
    """What the treasury does never uses up the nonces of the wallet."""
    exchange, buyer = bridge.exchange, bridge.exchange.party(grx=100 * GRX)
    sales = [exchange.sale(seller, nonce) for nonce in (1, 2)]
    bridge.settle(bridge.reserve(sales[0], buyer, nonce=LAST))
    for spent in (LAST, LAST - 1, 1, 0):
        refuse(bridge, "InvalidNonce", sales[1], buyer, nonce=spent)
    exchange.bid(buyer, nonce=1)
    other = exchange.party()
    for impossible in (0, LAST + 1, U64_MAX):
        refuse(bridge, "InvalidNonce", sales[1], other, nonce=impossible)


def test_only_the_treasury_reserves(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    world = bridge.world
    for thief in (buyer.key, sale.seller.key, bridge.authority):
        own = world.put_tokens(bridge.exchange.grx_mint, thief.pubkey(), 100 * GRX)
        stolen = bridge.reserve_order(sale, buyer, treasury=thief.pubkey(), treasury_grx=own)
        world.refuse("Unauthorized", stolen, signers=[thief])
    unsigned = without_signature(bridge.reserve_order(sale, buyer), bridge.treasury.pubkey())
    world.refuse("MissingSignature", unsigned)
    payer = world.wallet()
    unpaid = bridge.reserve_order(sale, buyer, payer=payer.pubkey())
    unpaid = without_signature(unpaid, payer.pubkey())
    world.refuse("MissingSignature", unpaid, signers=[bridge.treasury])


def test_buyers_are_registered_and_not_the_seller(bridge: Bridge, sale: Sale) -> None:
    stranger = bridge.exchange.unregistered()
    refuse(bridge, "NotRegistered", sale, stranger)
    of_seller = bridge.addresses.user(sale.seller.wallet)
    refuse(bridge, "NotRegistered", sale, stranger, buyer_user=of_seller)
    refuse(bridge, "SelfTradingNotAllowed", sale, sale.seller)


def test_the_baht_are_those_of_the_rate(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    for wrong in (thbc(30 * GRX) - 1, thbc(30 * GRX) + 1, 0, U64_MAX):
        refuse(bridge, "AmountMismatch", sale, buyer, payment_micro_thbc=wrong)
    bridge.post_price(3_333_333)
    expected = -(-30 * GRX * 3_333_333 // 1_000_000)
    refuse(bridge, "AmountMismatch", sale, buyer)
    reserved = bridge.reserve(sale, buyer, payment_micro_thbc=expected)
    assert bridge.terms(reserved)["payment_micro_thbc"] == 99_999_990


def test_a_fraction_is_rounded_up_and_nothing_is_refused(bridge: Bridge, seller: Party) -> None:
    exchange = bridge.exchange
    cheap = exchange.sale(seller, 1, amount_mwh=2_000, price_micro_grx=1)
    first, second = exchange.party(), exchange.party(grx=GRX)
    bridge.post_price(1)
    reserved = bridge.reserve(cheap, first, amount_mwh=1_000, payment_micro_thbc=1)
    assert bridge.terms(reserved)["payment_micro_grx"] == 1
    refuse(bridge, "AmountMismatch", cheap, second, amount_mwh=1_000, payment_micro_thbc=0)


@pytest.mark.clock_jump
def test_an_old_rate_is_no_price(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    posted = bridge.world.now
    bridge.world.set_time(posted + PRICE_LIFE_S + 1)
    refuse(bridge, "StalePrice", sale, buyer)
    bridge.world.set_time(posted + PRICE_LIFE_S)
    bridge.reserve(sale, buyer)


@pytest.mark.forged
def test_too_much_to_count_is_refused(bridge: Bridge, buyer: Party) -> None:
    rich = bridge.exchange.party(energy=U64_MAX)
    whole = LAST - LAST % 1_000
    sale = bridge.exchange.sale(rich, amount_mwh=whole, price_micro_grx=1_000_000)
    for rate in (RATE, 1_500_000):  # past 64 bits, and past 63
        bridge.post_price(rate)
        baht = min(thbc(whole, rate), U64_MAX)
        refuse(bridge, "ArithmeticOverflow", sale, buyer, amount_mwh=whole, payment_micro_thbc=baht)
    bridge.post_price(1_000_000)
    refuse(bridge, "InsufficientBalance", sale, buyer, amount_mwh=whole, payment_micro_thbc=whole)


@pytest.mark.parametrize("amount", [0, 999, 1_001, U64_MAX])
def test_amounts_are_whole_lots(bridge: Bridge, sale: Sale, buyer: Party, amount: int) -> None:
    baht = min(thbc(amount * PRICE // KWH), U64_MAX)
    refuse(bridge, "InvalidAmount", sale, buyer, amount_mwh=amount, payment_micro_thbc=baht)


def test_no_more_than_there_is(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    refuse(bridge, "AmountMismatch", sale, buyer, amount_mwh=10 * KWH + 1_000)


@pytest.mark.forged
@pytest.mark.parametrize("status", ["Created", "Matching", "Filled", "Cancelled", "Expired"])
def test_only_active_orders(bridge: Bridge, sale: Sale, buyer: Party, status: str) -> None:
    edit_account(bridge.world, bridge.program, "Order", sale.address, status=status)
    refuse(bridge, "InvalidOrder", sale, buyer)


@pytest.mark.clock_jump
def test_not_after_its_expiry(bridge: Bridge, seller: Party, buyer: Party) -> None:
    sale = bridge.exchange.sale(seller, expires_at=bridge.world.now + 60)
    bridge.world.set_time(bridge.world.now + 60)
    refuse(bridge, "InvalidOrder", sale, buyer)


@pytest.mark.forged
def test_an_order_inside_a_trade_is_guarded(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    edit_account(bridge.world, bridge.program, "Order", sale.address, entered=True)
    refuse(bridge, "ReentrancyDetected", sale, buyer)


@pytest.mark.forged
def test_a_paused_market_reserves_nothing(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    market = bridge.addresses.market()
    edit_account(bridge.world, bridge.program, "Market", market, paused=True)
    refuse(bridge, "MarketPaused", sale, buyer)


def test_the_treasurys_grx_are_its_own(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    world, exchange = bridge.world, bridge.exchange
    rich = exchange.party(grx=100 * GRX)
    for account in (
        rich.grx,
        sale.seller.grx,
        world.put_tokens(exchange.energy_mint, bridge.treasury.pubkey(), 100 * GRX),
        world.put_tokens(
            exchange.grx_mint, bridge.treasury.pubkey(), 100 * GRX, delegate=rich.wallet
        ),
    ):
        refuse(bridge, "InvalidTokenAccount", sale, buyer, treasury_grx=account)
    poor = world.put_tokens(exchange.grx_mint, bridge.treasury.pubkey(), 30 * GRX - 1)
    refuse(bridge, "InsufficientBalance", sale, buyer, treasury_grx=poor)


@pytest.mark.forged
def test_every_account_is_checked(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    world, exchange = bridge.world, bridge.exchange
    forged_price, forged_guardians = Pubkey.new_unique(), Pubkey.new_unique()
    world.put(forged_price, world.registry.id, world.data(bridge.addresses.price()))
    world.put(forged_guardians, world.registry.id, world.data(bridge.addresses.guardians()))
    other = exchange.party()
    own = [b"reservation", bytes(buyer.wallet), (1).to_bytes(8, "little")]
    for name, wrong in (
        ("price", forged_price),
        ("price", bridge.addresses.guardians()),
        ("guardians", forged_guardians),
        ("guardians", bridge.addresses.price()),
        ("reservation", bridge.addresses.reservation(other.wallet, 1)),
        ("reservation", bridge.addresses.reservation(buyer.wallet, 2)),
        ("reservation", other_bump(own, bridge.program.id)),
        ("reservation_escrow", sale.escrow),
        ("reservation_escrow", other.grx),
        ("trader", bridge.addresses.trader(other.wallet)),
        ("trader", bridge.addresses.trader(sale.seller.wallet)),
        ("order", bridge.addresses.trader(sale.seller.wallet)),
        ("market", sale.address),
        ("token_program", TOKEN_2022),
        ("system_program", TOKEN_2022),
        ("event_authority", TOKEN_2022),
        ("program", TOKEN_2022),
    ):
        refuse(bridge, "InvalidAccount", sale, buyer, **{name: wrong})
    refuse(bridge, "InvalidMint", sale, buyer, grx_mint=exchange.energy_mint)
    refuse(bridge, "InvalidNonce", sale, buyer, reservation=sale.address)


def test_the_trader_account_is_the_buyers(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    """Under another's, a buyer could have a second reservation open."""
    other = bridge.exchange.party()
    bridge.settle(bridge.reserve(sale, other, 1, KWH, thbc(3 * GRX)))
    trader = bridge.addresses.trader(other.wallet)
    refuse(
        bridge, "InvalidAccount", sale, buyer, nonce=2, trader=trader,
        amount_mwh=KWH, payment_micro_thbc=thbc(3 * GRX),
    )  # fmt: skip


def test_a_reservation_is_not_made_over_another_account(
    bridge: Bridge, sale: Sale, buyer: Party
) -> None:
    refuse(bridge, "InvalidNonce", sale, buyer, reservation=sale.escrow)


def test_the_escrow_is_of_the_markets_mint(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    refuse(bridge, "InvalidMint", sale, buyer, grx_mint=bridge.exchange.energy_mint)


@pytest.mark.parametrize("name", ["reservation", "escrow", "trader"])
def test_lamports_sent_ahead_do_not_block_it(
    bridge: Bridge, sale: Sale, buyer: Party, name: str
) -> None:
    reservation = bridge.addresses.reservation(buyer.wallet, 1)
    addresses = {
        "reservation": reservation,
        "escrow": bridge.addresses.escrow(reservation),
        "trader": bridge.addresses.trader(buyer.wallet),
    }
    prefund(bridge.world, addresses[name])
    bridge.reserve(sale, buyer)


def test_the_shape_is_checked(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    instruction = bridge.reserve_order(sale, buyer)
    metas, signers = list(instruction.accounts), [bridge.treasury]
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        bridge.world.refuse(
            "WrongNumberOfAccounts", with_accounts(instruction, wrong), signers=signers
        )
    data = bytes(instruction.data)
    for wrong_data in (data[:-1], data + b"\0", data[:8]):
        bridge.world.refuse("InvalidArguments", with_data(instruction, wrong_data), signers=signers)
