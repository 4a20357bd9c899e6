"""trading: accept_offer, and what ends an offer otherwise."""

import math
from fractions import Fraction
from typing import Any

import pytest
from exchange import PRICE, Bid, Exchange, Party
from grid import KWH, Grid, edit_account, with_accounts, with_data, without_signature
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.token.state import TokenAccountState
from worlds import World

MAX_COMPUTE_UNITS = 6_000
MAX_COMPUTE_UNITS_CANCEL = 4_400
GRX = 1_000_000
U64_MAX = 2**64 - 1
LIFETIME_S = 60
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ENDS = ["cancel_offer", "expire_offer"]


@pytest.fixture
def buyer(exchange: Exchange) -> Party:
    return exchange.party(grx=100 * GRX, user_type="Consumer")


@pytest.fixture
def seller(exchange: Exchange) -> Party:
    return exchange.party(energy=100 * KWH)


@pytest.fixture
def bid(exchange: Exchange, buyer: Party) -> Bid:
    return exchange.bid(buyer, expires_at=exchange.world.now + LIFETIME_S)


def state(exchange: Exchange, bid: Bid, seller: Party) -> tuple[Any, ...]:
    escrow = exchange.world.data(bid.escrow)
    return exchange.balances(bid.buyer, seller), exchange.offer(bid), escrow, exchange.market()


def accept(exchange: Exchange, bid: Bid, seller: Party, amount: int = 10 * KWH) -> Any:
    instruction = exchange.accept_offer(bid, seller, amount)
    return exchange.world.send(instruction, signers=[seller.key])


def refuse(exchange: Exchange, error: str, bid: Bid, seller: Party, **changed: Any) -> None:
    """The delivery is refused, and nothing moves."""
    before = state(exchange, bid, seller)
    instruction = exchange.accept_offer(bid, seller, **changed)
    exchange.world.refuse(error, instruction, signers=[seller.key])
    assert state(exchange, bid, seller) == before


def edit(exchange: Exchange, bid: Bid, **fields: Any) -> None:
    edit_account(exchange.world, exchange.program, "Offer", bid.address, **fields)


def test_energy_for_escrowed_grx(exchange: Exchange, bid: Bid, seller: Party) -> None:
    outcome = accept(exchange, bid, seller, 4 * KWH)
    assert outcome.compute_units < MAX_COMPUTE_UNITS
    assert exchange.balances(bid.buyer, seller) == [(4 * KWH, 70 * GRX), (96 * KWH, 12 * GRX)]
    [event] = outcome.events
    assert event.name == "OfferAccepted"
    assert event.data == {
        "sequence": 3,
        "offer": bid.address,
        "number": 1,
        "seller": seller.wallet,
        "buyer": bid.buyer.wallet,
        "amount_mwh": 4 * KWH,
        "price_micro_grx": PRICE,
        "payment_micro_grx": 12 * GRX,
        "filled_mwh": 4 * KWH,
        "status": 1,
        "timestamp": exchange.world.sent_at,
    }
    refuse(exchange, "AmountMismatch", bid, seller, amount_mwh=6 * KWH + 1_000)
    [event] = accept(exchange, bid, exchange.party(energy=6 * KWH), 6 * KWH).events
    assert (event.data["filled_mwh"], event.data["status"]) == (10 * KWH, 3)
    assert exchange.world.balance(bid.escrow) == 0
    offer = exchange.offer(bid)
    assert (offer["status"], offer["filled_mwh"], offer["entered"]) == ("Filled", 10 * KWH, False)
    refuse(exchange, "InvalidOrder", bid, seller, amount_mwh=1_000)


@pytest.mark.forged
@pytest.mark.parametrize("status", ["Created", "Matching", "Filled", "Cancelled", "Expired"])
def test_only_active_offers_trade(exchange: Exchange, bid: Bid, seller: Party, status: str) -> None:
    edit(exchange, bid, status=status)
    refuse(exchange, "InvalidOrder", bid, seller)


@pytest.mark.clock_jump
@pytest.mark.forged
def test_an_offer_inside_a_trade_is_guarded(exchange: Exchange, bid: Bid, seller: Party) -> None:
    edit(exchange, bid, entered=True)
    refuse(exchange, "ReentrancyDetected", bid, seller)
    exchange.world.set_time(exchange.world.now + LIFETIME_S)
    for name in ENDS:
        end = exchange.end_offer(name, bid)
        exchange.world.refuse(
            "ReentrancyDetected", end, signers=[bid.buyer.key][: name == "cancel_offer"]
        )


@pytest.mark.clock_jump
def test_an_offer_holds_until_its_expiry(exchange: Exchange, bid: Bid, seller: Party) -> None:
    expires_at = exchange.offer(bid)["expires_at"]
    exchange.world.set_time(expires_at - 1)
    accept(exchange, bid, seller, KWH)
    exchange.world.set_time(expires_at)
    refuse(exchange, "InvalidOrder", bid, seller, amount_mwh=KWH)


def test_a_buyer_does_not_sell_to_themselves(exchange: Exchange, bid: Bid) -> None:
    mine = exchange.world.put_tokens(exchange.energy_mint, bid.buyer.wallet, 100 * KWH)
    refuse(exchange, "SelfTradingNotAllowed", bid, bid.buyer, seller_energy=mine)


@pytest.mark.parametrize("price", [PRICE - 1, PRICE + 1, 0, U64_MAX])
def test_the_price_is_the_offers(exchange: Exchange, bid: Bid, seller: Party, price: int) -> None:
    refuse(exchange, "AmountMismatch", bid, seller, price_micro_grx=price)


@pytest.mark.parametrize("amount", [0, 999, 10 * KWH - 1, U64_MAX])
def test_amounts_are_whole_lots(exchange: Exchange, bid: Bid, seller: Party, amount: int) -> None:
    refuse(exchange, "InvalidAmount", bid, seller, amount_mwh=amount)


def test_no_more_is_taken_than_was_asked_for(exchange: Exchange, bid: Bid, seller: Party) -> None:
    """Not even when somebody gave the escrow enough to pay for it."""
    exchange.world.put_tokens(exchange.grx_mint, bid.address, 100 * GRX, address=bid.escrow)
    refuse(exchange, "AmountMismatch", bid, seller, amount_mwh=10 * KWH + 1_000)


def test_the_seller_has_the_energy(exchange: Exchange, bid: Bid) -> None:
    poor = exchange.party(energy=10 * KWH - 1)
    refuse(exchange, "InsufficientBalance", bid, poor)


def test_sellers_are_registered_and_sign(exchange: Exchange, bid: Bid, seller: Party) -> None:
    stranger = exchange.unregistered(energy=100 * KWH)
    refuse(exchange, "NotRegistered", bid, stranger)
    of_seller = exchange.addresses.user(seller.wallet)
    refuse(exchange, "NotRegistered", bid, stranger, seller_user=of_seller)
    unsigned = without_signature(exchange.accept_offer(bid, seller), seller.wallet)
    exchange.world.refuse("MissingSignature", unsigned)


def test_every_token_account_has_its_owner(exchange: Exchange, bid: Bid, seller: Party) -> None:
    world, thief = exchange.world, exchange.party(energy=100 * KWH)
    toys = world.put_mint()
    for name, wrong in (
        ("seller_energy", thief.energy),
        ("seller_energy", world.put_tokens(toys, seller.wallet, 100 * KWH)),
        ("seller_grx", thief.grx),
        ("seller_grx", bid.buyer.grx),
        ("seller_grx", seller.energy),
        ("buyer_energy", thief.energy),
        ("buyer_energy", seller.energy),  # from and to the same account
        ("buyer_energy", world.put_tokens(toys, bid.buyer.wallet)),
    ):
        refuse(exchange, "InvalidTokenAccount", bid, seller, **{name: wrong})
    lookalike = world.put_tokens(exchange.grx_mint, bid.address, 30 * GRX)
    other = exchange.bid(exchange.party(grx=30 * GRX))
    for escrow in (lookalike, other.escrow, bid.buyer.grx):
        refuse(exchange, "InvalidAccount", bid, seller, escrow=escrow)


@pytest.mark.parametrize("name", ["seller_energy", "seller_grx", "buyer_energy"])
@pytest.mark.parametrize(
    "tainted",
    [
        {"delegate": Pubkey.new_unique()},
        {"close_authority": Pubkey.new_unique()},
        pytest.param({"state": TokenAccountState.Frozen}, marks=pytest.mark.forged),
        pytest.param({"program": TOKEN_2022}, marks=pytest.mark.forged),
    ],
    ids="".join,
)
def test_tainted_token_accounts_are_refused(
    exchange: Exchange, bid: Bid, seller: Party, name: str, tainted: dict[str, Any]
) -> None:
    mint = exchange.grx_mint if name == "seller_grx" else exchange.energy_mint
    owner = bid.buyer.wallet if name == "buyer_energy" else seller.wallet
    account = exchange.world.put_tokens(mint, owner, 100 * KWH, **tainted)
    refuse(exchange, "InvalidTokenAccount", bid, seller, **{name: account})


@pytest.mark.forged
def test_the_offer_is_the_programs_own(exchange: Exchange, bid: Bid, seller: Party) -> None:
    forged = Pubkey.new_unique()
    exchange.world.put(forged, exchange.world.registry.id, exchange.world.data(bid.address))
    sale = exchange.sale(exchange.party(energy=10 * KWH))
    for offer in (forged, sale.address, exchange.offer_address(bid.buyer, 2)):
        refuse(exchange, "InvalidAccount", bid, seller, offer=offer)


@pytest.mark.forged
def test_a_paused_market_trades_nothing(exchange: Exchange, bid: Bid, seller: Party) -> None:
    market = exchange.addresses.market()
    edit_account(exchange.world, exchange.program, "Market", market, paused=True)
    refuse(exchange, "MarketPaused", bid, seller)


@pytest.mark.parametrize("name", ["token_program", "event_authority", "program"])
def test_the_fixed_accounts_are_checked(
    exchange: Exchange, bid: Bid, seller: Party, name: str
) -> None:
    refuse(exchange, "InvalidAccount", bid, seller, **{name: TOKEN_2022})


def test_the_shape_is_checked(exchange: Exchange, bid: Bid, seller: Party) -> None:
    trade = exchange.accept_offer(bid, seller)
    metas, signers = list(trade.accounts), [seller.key]
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        exchange.world.refuse("WrongNumberOfAccounts", with_accounts(trade, wrong), signers=signers)
    longer = with_data(trade, bytes(trade.data) + b"\0")
    exchange.world.refuse("InvalidArguments", longer, signers=signers)


@pytest.mark.clock_jump
@pytest.mark.forged
@pytest.mark.parametrize("name", ENDS)
def test_what_is_left_goes_back(exchange: Exchange, bid: Bid, seller: Party, name: str) -> None:
    accept(exchange, bid, seller, 4 * KWH)
    world = exchange.world
    world.set_time(exchange.offer(bid)["expires_at"])
    market = exchange.addresses.market()
    edit_account(world, exchange.program, "Market", market, paused=True)  # blocks no refund
    signers = [bid.buyer.key][: name == "cancel_offer"]
    end = exchange.end_offer(name, bid)
    thief = exchange.unregistered(grx=GRX)
    for wrong in (thief.grx, bid.buyer.energy):
        world.refuse(
            "InvalidTokenAccount", exchange.end_offer(name, bid, buyer_grx=wrong), signers=signers
        )
    lookalike = world.put_tokens(exchange.grx_mint, bid.address, 30 * GRX)
    swapped = exchange.end_offer(name, bid, escrow=lookalike)
    world.refuse("InvalidAccount", swapped, signers=signers)
    outcome = world.send(end, signers=signers)
    assert outcome.compute_units < MAX_COMPUTE_UNITS_CANCEL
    assert exchange.balances(bid.buyer) == [(4 * KWH, 88 * GRX)]
    assert world.balance(bid.escrow) == 0
    status = {"cancel_offer": "Cancelled", "expire_offer": "Expired"}[name]
    assert exchange.offer(bid)["status"] == status
    [event] = outcome.events
    assert event.name == f"Offer{status}"
    assert event.data == {
        "sequence": 4,
        "offer": bid.address,
        "number": 1,
        "buyer": bid.buyer.wallet,
        "refunded_micro_grx": 18 * GRX,
        "filled_mwh": 4 * KWH,
        "status": {"Cancelled": 4, "Expired": 5}[status],
        "timestamp": world.sent_at,
    }
    for again in ENDS:
        world.refuse(
            "InvalidOrder",
            exchange.end_offer(again, bid),
            signers=[bid.buyer.key][: again == "cancel_offer"],
        )


@pytest.mark.clock_jump
@pytest.mark.forged
@pytest.mark.parametrize("name", ENDS)
def test_what_ends_an_offer_is_checked(exchange: Exchange, bid: Bid, name: str) -> None:
    world, signers = exchange.world, [bid.buyer.key][: name == "cancel_offer"]
    world.set_time(exchange.offer(bid)["expires_at"])
    forged, end = Pubkey.new_unique(), exchange.end_offer(name, bid)
    world.put(forged, world.registry.id, world.data(bid.address))
    stray = [("offer", forged), ("market", bid.address), ("token_program", TOKEN_2022)]
    stray += [("event_authority", TOKEN_2022), ("program", TOKEN_2022)]
    for account, wrong in stray:
        instruction = exchange.end_offer(name, bid, **{account: wrong})
        world.refuse("InvalidAccount", instruction, signers=signers)
    metas = list(end.accounts)
    for wrong_metas in (metas[:-1], [*metas, metas[-1]]):
        wrong_number = with_accounts(end, wrong_metas)
        world.refuse("WrongNumberOfAccounts", wrong_number, signers=signers)
    longer = with_data(end, bytes(end.data) + b"\0")
    world.refuse("InvalidArguments", longer, signers=signers)
    assert exchange.offer(bid)["status"] == "Active"


def test_only_the_buyer_cancels(exchange: Exchange, bid: Bid, seller: Party) -> None:
    stolen = exchange.end_offer("cancel_offer", bid, buyer=seller.wallet)
    exchange.world.refuse("Unauthorized", stolen, signers=[seller.key])
    unsigned = without_signature(exchange.end_offer("cancel_offer", bid), bid.buyer.wallet)
    exchange.world.refuse("MissingSignature", unsigned)


@pytest.mark.clock_jump
def test_nothing_expires_early_or_without_an_expiry(exchange: Exchange, bid: Bid) -> None:
    world = exchange.world
    endless = exchange.bid(exchange.party(grx=30 * GRX))
    world.set_time(exchange.offer(bid)["expires_at"] - 1)
    world.refuse("TooEarly", exchange.end_offer("expire_offer", bid))
    world.set_time(2**62)
    world.refuse("TooEarly", exchange.end_offer("expire_offer", endless))


@pytest.mark.clock_jump
def test_races_have_one_winner(exchange: Exchange, bid: Bid, seller: Party) -> None:
    world, keys = exchange.world, [bid.buyer.key, seller.key]
    trade = exchange.accept_offer(bid, seller)
    cancel = exchange.end_offer("cancel_offer", bid)
    for pair in ((trade, cancel), (cancel, trade)):
        world.refuse("InvalidOrder", *pair, signers=keys)
    world.set_time(exchange.offer(bid)["expires_at"])
    expire = exchange.end_offer("expire_offer", bid)
    for pair in ((expire, cancel), (cancel, expire)):
        world.refuse("InvalidOrder", *pair, signers=keys[:1])


@pytest.fixture(scope="module")
def market(shared_world: World) -> Exchange:
    """One market for all examples: each makes an offer of its own."""
    exchange = Exchange(Grid(shared_world))
    exchange.open()
    return exchange


RICH = 10**12  # more than any of these offers asks for


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 10**6), min_size=1, max_size=4),
    rest=st.integers(0, 10**6),
    price=st.one_of(st.integers(1, 3), st.integers(1, 10**7)),
)
def test_parts_and_refund_add_up(market: Exchange, cuts: list[int], rest: int, price: int) -> None:
    amounts = [lots * 1_000 for lots in cuts]
    whole = sum(amounts) + rest * 1_000
    buyer, seller = market.party(grx=RICH), market.party(energy=whole)
    bid = market.bid(buyer, amount_mwh=whole, price_micro_grx=price)
    filled = 0
    for amount in amounts:
        filled += amount
        trade = market.accept_offer(bid, seller, amount, price)
        market.world.send(trade, signers=[seller.key])
        paid = math.ceil(Fraction(filled * price, 1_000_000))
        assert market.balances(seller) == [(whole - filled, paid)]
    if rest:
        market.world.send(market.end_offer("cancel_offer", bid), signers=[buyer.key])
    assert market.balances(buyer) == [(filled, RICH - paid)]
    assert market.world.balance(bid.escrow) == 0
