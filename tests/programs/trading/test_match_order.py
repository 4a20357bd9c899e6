"""trading: match_order."""

from typing import Any

import pytest
from exchange import PRICE, Exchange, Offer, Party
from grid import KWH, edit_account, with_accounts, with_data, without_signature
from solders.instruction import AccountMeta
from solders.pubkey import Pubkey
from solders.token.state import TokenAccountState

from gridtokenx_programs.addresses import associated_token
from gridtokenx_programs.tokens import create_associated_token

MAX_COMPUTE_UNITS = 6_000
GRX = 1_000_000
U64_MAX = 2**64 - 1
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


@pytest.fixture
def seller(exchange: Exchange) -> Party:
    return exchange.party(energy=100 * KWH)


@pytest.fixture
def buyer(exchange: Exchange) -> Party:
    return exchange.party(grx=100 * GRX, user_type="Consumer")


@pytest.fixture
def offer(exchange: Exchange, seller: Party) -> Offer:
    return exchange.offer(seller)


def refuse(exchange: Exchange, error: str, offer: Offer, buyer: Party, **changed: Any) -> None:
    """The trade is refused, and nothing moves."""

    def state() -> tuple[Any, ...]:
        escrow = exchange.world.svm.get_account(offer.escrow)
        market = exchange.market()
        return exchange.balances(offer.seller, buyer), exchange.order(offer), escrow, market

    before = state()
    instruction = exchange.match_order(offer, buyer, **changed)
    exchange.world.refuse(error, instruction, signers=[buyer.key])
    assert state() == before


def edit(exchange: Exchange, offer: Offer, **fields: Any) -> None:
    edit_account(exchange.world, exchange.program, "Order", offer.address, **fields)


def test_sells_the_whole_order(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    outcome = exchange.buy(offer, buyer)
    assert exchange.balances(offer.seller, buyer) == [
        (90 * KWH, 30 * GRX),
        (10 * KWH, 70 * GRX),
    ]
    assert exchange.world.balance(offer.escrow) == 0
    order = exchange.order(offer)
    assert (order["status"], order["filled_mwh"], order["entered"]) == ("Filled", 10 * KWH, False)
    [event] = outcome.events
    assert event.name == "TradeExecuted"
    assert event.data == {
        "sequence": 3,
        "order": offer.address,
        "number": 1,
        "seller": offer.seller.wallet,
        "buyer": buyer.wallet,
        "amount_mwh": 10 * KWH,
        "price_micro_grx": PRICE,
        "payment_micro_grx": 30 * GRX,
        "filled_mwh": 10 * KWH,
        "status": 3,
        "payment_method": 0,
        "timestamp": exchange.world.now,
    }


def test_sells_a_part(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    [event] = exchange.buy(offer, buyer, 4 * KWH).events
    assert (event.data["filled_mwh"], event.data["status"]) == (4 * KWH, 1)
    order = exchange.order(offer)
    assert (order["status"], order["filled_mwh"], order["entered"]) == ("Active", 4 * KWH, False)
    assert exchange.world.balance(offer.escrow) == 6 * KWH
    refuse(exchange, "AmountMismatch", offer, buyer, amount_mwh=6 * KWH + 1_000)
    [event] = exchange.buy(offer, buyer, 6 * KWH).events
    assert (event.data["amount_mwh"], event.data["filled_mwh"]) == (6 * KWH, 10 * KWH)
    assert event.data["status"] == 3


def test_is_cheap(exchange: Exchange, seller: Party, buyer: Party) -> None:
    for nonce in range(1, 6):
        offer = exchange.offer(seller, nonce, amount_mwh=2 * KWH)
        for _ in range(2):
            assert exchange.buy(offer, buyer, KWH).compute_units < MAX_COMPUTE_UNITS


def test_several_buyers_share_an_order(exchange: Exchange, offer: Offer) -> None:
    buyers = [exchange.party(grx=10 * GRX) for _ in range(3)]
    trades = [
        exchange.match_order(offer, buyer, amount)
        for buyer, amount in zip(buyers, (3 * KWH, 3 * KWH, KWH), strict=True)
    ]
    exchange.world.send(*trades, signers=[buyer.key for buyer in buyers])
    assert exchange.order(offer)["filled_mwh"] == 7 * KWH
    assert [energy for energy, _ in exchange.balances(*buyers)] == [3 * KWH, 3 * KWH, KWH]


def test_associated_token_accounts_serve(exchange: Exchange, seller: Party, buyer: Party) -> None:
    world, wallet = exchange.world, buyer.wallet
    world.send(create_associated_token(world.payer.pubkey(), wallet, exchange.energy_mint))
    account = associated_token(wallet, exchange.energy_mint)
    trade = exchange.match_order(exchange.offer(seller), buyer, buyer_energy=account)
    world.send(trade, signers=[buyer.key])
    assert world.balance(account) == 10 * KWH


def test_a_filled_order_is_closed(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    exchange.buy(offer, buyer)
    refuse(exchange, "InvalidOrder", offer, buyer, amount_mwh=1_000)


@pytest.mark.parametrize("status", ["Created", "Matching", "Filled", "Cancelled", "Expired"])
def test_only_active_orders_trade(
    exchange: Exchange, offer: Offer, buyer: Party, status: str
) -> None:
    edit(exchange, offer, status=status)
    refuse(exchange, "InvalidOrder", offer, buyer)


def test_an_order_trades_until_its_expiry(exchange: Exchange, seller: Party, buyer: Party) -> None:
    expires_at = exchange.world.now + 60
    offer = exchange.offer(seller, expires_at=expires_at)
    exchange.world.set_time(expires_at - 1)
    exchange.buy(offer, buyer, KWH)
    for late in (expires_at, expires_at + 1):
        exchange.world.set_time(late)
        refuse(exchange, "InvalidOrder", offer, buyer, amount_mwh=KWH)


def test_an_order_inside_a_trade_is_guarded(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    edit(exchange, offer, entered=True)
    refuse(exchange, "ReentrancyDetected", offer, buyer)


def test_a_seller_does_not_buy_from_themselves(exchange: Exchange, offer: Offer) -> None:
    rich = exchange.world.put_tokens(exchange.grx_mint, offer.seller.wallet, 100 * GRX)
    refuse(exchange, "SelfTradingNotAllowed", offer, offer.seller, buyer_grx=rich)


@pytest.mark.parametrize("price", [PRICE - 1, PRICE + 1, 0, U64_MAX])
def test_the_price_is_the_orders(
    exchange: Exchange, offer: Offer, buyer: Party, price: int
) -> None:
    refuse(exchange, "AmountMismatch", offer, buyer, price_micro_grx=price)


@pytest.mark.parametrize("amount", [0, 1, 999, 10 * KWH - 1, U64_MAX, U64_MAX - U64_MAX % 1000])
def test_amounts_are_whole_lots(
    exchange: Exchange, offer: Offer, buyer: Party, amount: int
) -> None:
    refuse(exchange, "InvalidAmount", offer, buyer, amount_mwh=amount)


@pytest.mark.parametrize("amount", [10 * KWH + 1_000, 100 * KWH, (2**63 - 1) // 1000 * 1000])
def test_no_more_is_sold_than_there_is(
    exchange: Exchange, offer: Offer, buyer: Party, amount: int
) -> None:
    refuse(exchange, "AmountMismatch", offer, buyer, amount_mwh=amount)


def test_what_is_reserved_is_not_for_sale(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    edit(exchange, offer, reserved_mwh=3 * KWH)
    refuse(exchange, "AmountMismatch", offer, buyer, amount_mwh=7 * KWH + 1_000)
    exchange.buy(offer, buyer, 7 * KWH)
    assert exchange.order(offer)["status"] == "Active"


def test_impossible_orders_overflow_into_an_error(
    exchange: Exchange, offer: Offer, buyer: Party
) -> None:
    edit(exchange, offer, amount_mwh=U64_MAX, filled_mwh=U64_MAX - 500)
    refuse(exchange, "ArithmeticOverflow", offer, buyer, amount_mwh=1_000)
    edit(exchange, offer, filled_mwh=1_000, reserved_mwh=U64_MAX)
    refuse(exchange, "ArithmeticOverflow", offer, buyer, amount_mwh=1_000)
    edit(exchange, offer, filled_mwh=0, reserved_mwh=0, price_micro_grx=U64_MAX)
    refuse(
        exchange, "ArithmeticOverflow", offer, buyer, amount_mwh=KWH + 1_000,
        price_micro_grx=U64_MAX,
    )  # fmt: skip


def test_the_buyer_can_pay(exchange: Exchange, offer: Offer) -> None:
    poor = exchange.party(grx=30 * GRX - 1)
    refuse(exchange, "InsufficientBalance", offer, poor)
    exact = exchange.party(grx=30 * GRX)
    exchange.buy(offer, exact)
    assert exchange.balances(exact) == [(10 * KWH, 0)]


def test_buyers_are_registered(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    world, stranger = exchange.world, exchange.unregistered(grx=100 * GRX)
    refuse(exchange, "NotRegistered", offer, stranger)
    of_buyer = exchange.addresses.user(buyer.wallet)
    refuse(exchange, "NotRegistered", offer, stranger, buyer_user=of_buyer)
    data = world.data(of_buyer)
    forged = data[:8] + bytes(stranger.wallet) + data[40:]
    world.put(exchange.addresses.user(stranger.wallet), world.energy_token.id, forged)
    refuse(exchange, "NotRegistered", offer, stranger)


def test_the_buyer_signs(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    trade = exchange.match_order(offer, buyer)
    exchange.world.refuse("MissingSignature", without_signature(trade, buyer.wallet))


def test_nobody_pays_with_anothers_money(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    thief = exchange.party()
    refuse(exchange, "InvalidTokenAccount", offer, thief, buyer_grx=buyer.grx)
    refuse(exchange, "InvalidTokenAccount", offer, thief, buyer_grx=offer.seller.grx)


def test_payment_goes_to_the_seller(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    world, accomplice = exchange.world, exchange.party()
    other = Pubkey.new_unique()
    world.put_mint(other)
    for account in (
        accomplice.grx,
        buyer.grx,  # payer and payee the same account
        world.put_tokens(exchange.grx_mint, offer.address),
        world.put_tokens(other, offer.seller.wallet),
        offer.seller.energy,
    ):
        refuse(exchange, "InvalidTokenAccount", offer, buyer, seller_grx=account)


def test_energy_goes_to_the_buyer(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    for account in (offer.seller.energy, offer.escrow, buyer.grx, exchange.party().energy):
        refuse(exchange, "InvalidTokenAccount", offer, buyer, buyer_energy=account)


def test_money_is_of_the_markets_mint(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    world, other = exchange.world, Pubkey.new_unique()
    world.put_mint(other)
    toys = world.put_tokens(other, buyer.wallet, 100 * GRX)
    toys_of_seller = world.put_tokens(other, offer.seller.wallet)
    refuse(exchange, "InvalidTokenAccount", offer, buyer, buyer_grx=toys)
    refuse(exchange, "InvalidTokenAccount", offer, buyer, buyer_grx=toys, seller_grx=toys_of_seller)
    energy = world.put_tokens(exchange.energy_mint, buyer.wallet, 100 * GRX)
    refuse(exchange, "InvalidTokenAccount", offer, buyer, buyer_grx=energy)


@pytest.mark.parametrize("name", ["buyer_energy", "buyer_grx", "seller_grx"])
@pytest.mark.parametrize(
    "tainted",
    [
        {"delegate": Pubkey.new_unique()},
        {"close_authority": Pubkey.new_unique()},
        {"state": TokenAccountState.Frozen},
        {"state": TokenAccountState.Uninitialized},
        {"program": TOKEN_2022},
    ],
    ids="".join,
)
def test_tainted_token_accounts_are_refused(
    exchange: Exchange, offer: Offer, buyer: Party, name: str, tainted: dict[str, Any]
) -> None:
    mint = exchange.energy_mint if name == "buyer_energy" else exchange.grx_mint
    owner = offer.seller.wallet if name == "seller_grx" else buyer.wallet
    account = exchange.world.put_tokens(mint, owner, 100 * GRX, **tainted)
    refuse(exchange, "InvalidTokenAccount", offer, buyer, **{name: account})


def test_the_escrow_is_this_orders(exchange: Exchange, seller: Party, buyer: Party) -> None:
    offer, other = exchange.offer(seller, 1), exchange.offer(seller, 2)
    lookalike = exchange.world.put_tokens(exchange.energy_mint, offer.address, 10 * KWH)
    for escrow in (other.escrow, lookalike, seller.energy, buyer.energy):
        refuse(exchange, "InvalidAccount", offer, buyer, escrow=escrow)


def test_the_order_is_the_programs_own(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    world = exchange.world
    data = world.data(offer.address)
    forged = Pubkey.new_unique()
    world.put(forged, world.registry.id, data)
    trader = exchange.addresses.trader(offer.seller.wallet)
    vacant = exchange.addresses.order(offer.seller.wallet, 2)
    for order in (forged, trader, vacant):
        refuse(exchange, "InvalidAccount", offer, buyer, order=order)
    market = exchange.addresses.market()
    refuse(exchange, "AccountBorrowFailed", offer, buyer, order=market)


def test_the_market_is_the_programs_own(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    world, forged = exchange.world, Pubkey.new_unique()
    world.put(forged, world.registry.id, world.data(exchange.addresses.market()))
    for market in (forged, exchange.addresses.trader(offer.seller.wallet), offer.address):
        refuse(exchange, "InvalidAccount", offer, buyer, market=market)


def test_donations_to_an_escrow_change_nothing(
    exchange: Exchange, offer: Offer, buyer: Party
) -> None:
    exchange.world.put_tokens(
        exchange.energy_mint, offer.address, 10 * KWH + 7, address=offer.escrow
    )
    exchange.buy(offer, buyer)
    assert exchange.world.balance(offer.escrow) == 7
    refuse(exchange, "InvalidOrder", offer, buyer, amount_mwh=1_000)


def test_a_paused_market_trades_nothing(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    edit_account(
        exchange.world, exchange.program, "Market", exchange.addresses.market(), paused=True
    )
    refuse(exchange, "MarketPaused", offer, buyer)


@pytest.mark.parametrize("name", ["token_program", "event_authority", "program"])
def test_the_fixed_accounts_are_checked(
    exchange: Exchange, offer: Offer, buyer: Party, name: str
) -> None:
    refuse(exchange, "InvalidAccount", offer, buyer, **{name: Pubkey.new_unique()})
    refuse(exchange, "InvalidAccount", offer, buyer, **{name: TOKEN_2022})


def test_the_shape_is_checked(exchange: Exchange, offer: Offer, buyer: Party) -> None:
    trade = exchange.match_order(offer, buyer)
    metas, signers = list(trade.accounts), [buyer.key]
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        exchange.world.refuse("WrongNumberOfAccounts", with_accounts(trade, wrong), signers=signers)
    for data in (bytes(trade.data)[:-1], bytes(trade.data) + b"\0"):
        exchange.world.refuse("InvalidArguments", with_data(trade, data), signers=signers)


@pytest.mark.parametrize("index", [0, 1], ids=["market", "order"])
def test_state_must_be_writable(exchange: Exchange, offer: Offer, buyer: Party, index: int) -> None:
    trade = exchange.match_order(offer, buyer)
    metas = list(trade.accounts)
    metas[index] = AccountMeta(metas[index].pubkey, is_signer=False, is_writable=False)
    readonly = with_accounts(trade, metas)
    exchange.world.refuse("InvalidAccount", readonly, signers=[buyer.key])
