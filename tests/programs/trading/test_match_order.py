"""trading: match_order."""

from typing import Any

import pytest
from exchange import PRICE, Exchange, Party, Sale
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
def sale(exchange: Exchange, seller: Party) -> Sale:
    return exchange.sale(seller)


def refuse(exchange: Exchange, error: str, sale: Sale, buyer: Party, **changed: Any) -> None:
    """The trade is refused, and nothing moves."""

    def state() -> tuple[Any, ...]:
        escrow = exchange.world.find(sale.escrow)
        market = exchange.market()
        return exchange.balances(sale.seller, buyer), exchange.order(sale), escrow, market

    before = state()
    instruction = exchange.match_order(sale, buyer, **changed)
    exchange.world.refuse(error, instruction, signers=[buyer.key])
    assert state() == before


def edit(exchange: Exchange, sale: Sale, **fields: Any) -> None:
    edit_account(exchange.world, exchange.program, "Order", sale.address, **fields)


def test_sells_the_whole_order(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    outcome = exchange.buy(sale, buyer)
    assert exchange.balances(sale.seller, buyer) == [
        (90 * KWH, 30 * GRX),
        (10 * KWH, 70 * GRX),
    ]
    assert exchange.world.balance(sale.escrow) == 0
    order = exchange.order(sale)
    assert (order["status"], order["filled_mwh"], order["entered"]) == ("Filled", 10 * KWH, False)
    [event] = outcome.events
    assert event.name == "TradeExecuted"
    assert event.data == {
        "sequence": 3,
        "order": sale.address,
        "number": 1,
        "seller": sale.seller.wallet,
        "buyer": buyer.wallet,
        "amount_mwh": 10 * KWH,
        "price_micro_grx": PRICE,
        "payment_micro_grx": 30 * GRX,
        "filled_mwh": 10 * KWH,
        "status": 3,
        "payment_method": 0,
        "timestamp": exchange.world.sent_at,
        "reservation": Pubkey.default(),
        "payment_micro_thbc": 0,
    }


def test_sells_a_part(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    [event] = exchange.buy(sale, buyer, 4 * KWH).events
    assert (event.data["filled_mwh"], event.data["status"]) == (4 * KWH, 1)
    order = exchange.order(sale)
    assert (order["status"], order["filled_mwh"], order["entered"]) == ("Active", 4 * KWH, False)
    assert exchange.world.balance(sale.escrow) == 6 * KWH
    refuse(exchange, "AmountMismatch", sale, buyer, amount_mwh=6 * KWH + 1_000)
    [event] = exchange.buy(sale, buyer, 6 * KWH).events
    assert (event.data["amount_mwh"], event.data["filled_mwh"]) == (6 * KWH, 10 * KWH)
    assert event.data["status"] == 3


def test_is_cheap(exchange: Exchange, seller: Party, buyer: Party) -> None:
    for nonce in range(1, 6):
        sale = exchange.sale(seller, nonce, amount_mwh=2 * KWH)
        for _ in range(2):
            assert exchange.buy(sale, buyer, KWH).compute_units < MAX_COMPUTE_UNITS


def test_several_buyers_share_an_order(exchange: Exchange, sale: Sale) -> None:
    buyers = [exchange.party(grx=10 * GRX) for _ in range(3)]
    trades = [
        exchange.match_order(sale, buyer, amount)
        for buyer, amount in zip(buyers, (3 * KWH, 3 * KWH, KWH), strict=True)
    ]
    exchange.world.send(*trades, signers=[buyer.key for buyer in buyers])
    assert exchange.order(sale)["filled_mwh"] == 7 * KWH
    assert [energy for energy, _ in exchange.balances(*buyers)] == [3 * KWH, 3 * KWH, KWH]


def test_associated_token_accounts_serve(exchange: Exchange, seller: Party, buyer: Party) -> None:
    world, wallet = exchange.world, buyer.wallet
    world.send(create_associated_token(world.payer.pubkey(), wallet, exchange.energy_mint))
    account = associated_token(wallet, exchange.energy_mint)
    trade = exchange.match_order(exchange.sale(seller), buyer, buyer_energy=account)
    world.send(trade, signers=[buyer.key])
    assert world.balance(account) == 10 * KWH


def test_a_filled_order_is_closed(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    exchange.buy(sale, buyer)
    refuse(exchange, "InvalidOrder", sale, buyer, amount_mwh=1_000)


@pytest.mark.forged
@pytest.mark.parametrize("status", ["Created", "Matching", "Filled", "Cancelled", "Expired"])
def test_only_active_orders_trade(
    exchange: Exchange, sale: Sale, buyer: Party, status: str
) -> None:
    edit(exchange, sale, status=status)
    refuse(exchange, "InvalidOrder", sale, buyer)


@pytest.mark.clock_jump
def test_an_order_trades_until_its_expiry(exchange: Exchange, seller: Party, buyer: Party) -> None:
    expires_at = exchange.world.now + 60
    sale = exchange.sale(seller, expires_at=expires_at)
    exchange.world.set_time(expires_at - 1)
    exchange.buy(sale, buyer, KWH)
    for late in (expires_at, expires_at + 1):
        exchange.world.set_time(late)
        refuse(exchange, "InvalidOrder", sale, buyer, amount_mwh=KWH)


@pytest.mark.forged
def test_an_order_inside_a_trade_is_guarded(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    edit(exchange, sale, entered=True)
    refuse(exchange, "ReentrancyDetected", sale, buyer)


def test_a_seller_does_not_buy_from_themselves(exchange: Exchange, sale: Sale) -> None:
    rich = exchange.world.put_tokens(exchange.grx_mint, sale.seller.wallet, 100 * GRX)
    refuse(exchange, "SelfTradingNotAllowed", sale, sale.seller, buyer_grx=rich)


@pytest.mark.parametrize("price", [PRICE - 1, PRICE + 1, 0, U64_MAX])
def test_the_price_is_the_orders(exchange: Exchange, sale: Sale, buyer: Party, price: int) -> None:
    refuse(exchange, "AmountMismatch", sale, buyer, price_micro_grx=price)


@pytest.mark.parametrize("amount", [0, 1, 999, 10 * KWH - 1, U64_MAX, U64_MAX - U64_MAX % 1000])
def test_amounts_are_whole_lots(exchange: Exchange, sale: Sale, buyer: Party, amount: int) -> None:
    refuse(exchange, "InvalidAmount", sale, buyer, amount_mwh=amount)


@pytest.mark.parametrize("amount", [10 * KWH + 1_000, 100 * KWH, (2**63 - 1) // 1000 * 1000])
def test_no_more_is_sold_than_there_is(
    exchange: Exchange, sale: Sale, buyer: Party, amount: int
) -> None:
    refuse(exchange, "AmountMismatch", sale, buyer, amount_mwh=amount)


@pytest.mark.forged
def test_what_is_reserved_is_not_for_sale(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    edit(exchange, sale, reserved_mwh=3 * KWH)
    refuse(exchange, "AmountMismatch", sale, buyer, amount_mwh=7 * KWH + 1_000)
    exchange.buy(sale, buyer, 7 * KWH)
    assert exchange.order(sale)["status"] == "Matching"


@pytest.mark.forged
def test_impossible_orders_overflow_into_an_error(
    exchange: Exchange, sale: Sale, buyer: Party
) -> None:
    edit(exchange, sale, amount_mwh=U64_MAX, filled_mwh=U64_MAX - 500)
    refuse(exchange, "ArithmeticOverflow", sale, buyer, amount_mwh=1_000)
    edit(exchange, sale, filled_mwh=1_000, reserved_mwh=U64_MAX)
    refuse(exchange, "ArithmeticOverflow", sale, buyer, amount_mwh=1_000)
    edit(exchange, sale, filled_mwh=0, reserved_mwh=0, price_micro_grx=U64_MAX)
    refuse(
        exchange, "ArithmeticOverflow", sale, buyer, amount_mwh=KWH + 1_000,
        price_micro_grx=U64_MAX,
    )  # fmt: skip


def test_the_buyer_can_pay(exchange: Exchange, sale: Sale) -> None:
    poor = exchange.party(grx=30 * GRX - 1)
    refuse(exchange, "InsufficientBalance", sale, poor)
    exact = exchange.party(grx=30 * GRX)
    exchange.buy(sale, exact)
    assert exchange.balances(exact) == [(10 * KWH, 0)]


@pytest.mark.forged
def test_buyers_are_registered(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    world, stranger = exchange.world, exchange.unregistered(grx=100 * GRX)
    refuse(exchange, "NotRegistered", sale, stranger)
    of_buyer = exchange.addresses.user(buyer.wallet)
    refuse(exchange, "NotRegistered", sale, stranger, buyer_user=of_buyer)
    data = world.data(of_buyer)
    forged = data[:8] + bytes(stranger.wallet) + data[40:]
    world.put(exchange.addresses.user(stranger.wallet), world.energy_token.id, forged)
    refuse(exchange, "NotRegistered", sale, stranger)


def test_the_buyer_signs(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    trade = exchange.match_order(sale, buyer)
    exchange.world.refuse("MissingSignature", without_signature(trade, buyer.wallet))


def test_nobody_pays_with_anothers_money(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    thief = exchange.party()
    refuse(exchange, "InvalidTokenAccount", sale, thief, buyer_grx=buyer.grx)
    refuse(exchange, "InvalidTokenAccount", sale, thief, buyer_grx=sale.seller.grx)


def test_nobody_pays_themselves(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    """One account in two places: what is paid out of it comes back into it."""
    refuse(exchange, "InvalidTokenAccount", sale, buyer, seller_grx=buyer.grx)


def test_payment_goes_to_the_seller(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    world, accomplice = exchange.world, exchange.party()
    other = world.put_mint()
    for account in (
        accomplice.grx,
        world.put_tokens(exchange.grx_mint, sale.address),
        world.put_tokens(other, sale.seller.wallet),
        sale.seller.energy,
    ):
        refuse(exchange, "InvalidTokenAccount", sale, buyer, seller_grx=account)


def test_energy_goes_to_the_buyer(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    for account in (sale.seller.energy, sale.escrow, buyer.grx, exchange.party().energy):
        refuse(exchange, "InvalidTokenAccount", sale, buyer, buyer_energy=account)


def test_money_is_of_the_markets_mint(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    world = exchange.world
    other = world.put_mint()
    toys = world.put_tokens(other, buyer.wallet, 100 * GRX)
    toys_of_seller = world.put_tokens(other, sale.seller.wallet)
    refuse(exchange, "InvalidTokenAccount", sale, buyer, buyer_grx=toys)
    refuse(exchange, "InvalidTokenAccount", sale, buyer, buyer_grx=toys, seller_grx=toys_of_seller)
    energy = world.put_tokens(exchange.energy_mint, buyer.wallet, 100 * GRX)
    refuse(exchange, "InvalidTokenAccount", sale, buyer, buyer_grx=energy)


@pytest.mark.parametrize("name", ["buyer_energy", "buyer_grx", "seller_grx"])
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
    exchange: Exchange, sale: Sale, buyer: Party, name: str, tainted: dict[str, Any]
) -> None:
    mint = exchange.energy_mint if name == "buyer_energy" else exchange.grx_mint
    owner = sale.seller.wallet if name == "seller_grx" else buyer.wallet
    account = exchange.world.put_tokens(mint, owner, 100 * GRX, **tainted)
    refuse(exchange, "InvalidTokenAccount", sale, buyer, **{name: account})


def test_the_escrow_is_this_orders(exchange: Exchange, seller: Party, buyer: Party) -> None:
    sale, other = exchange.sale(seller, 1), exchange.sale(seller, 2)
    lookalike = exchange.world.put_tokens(exchange.energy_mint, sale.address, 10 * KWH)
    for escrow in (lookalike, other.escrow, seller.energy, buyer.energy):
        refuse(exchange, "InvalidAccount", sale, buyer, escrow=escrow)


@pytest.mark.forged
def test_the_order_is_the_programs_own(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    world = exchange.world
    data = world.data(sale.address)
    forged = Pubkey.new_unique()
    world.put(forged, world.registry.id, data)
    bid = exchange.bid(buyer)
    vacant = exchange.order_address(sale.seller, 2)
    for order in (forged, bid.address, vacant):
        refuse(exchange, "InvalidAccount", sale, buyer, order=order)
    market = exchange.addresses.market()
    refuse(exchange, "AccountBorrowFailed", sale, buyer, order=market)


@pytest.mark.forged
def test_the_market_is_the_programs_own(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    world, forged = exchange.world, Pubkey.new_unique()
    world.put(forged, world.registry.id, world.data(exchange.addresses.market()))
    for market in (forged, world.payer.pubkey(), sale.address):
        refuse(exchange, "InvalidAccount", sale, buyer, market=market)


def test_donations_to_an_escrow_change_nothing(
    exchange: Exchange, sale: Sale, buyer: Party
) -> None:
    exchange.world.put_tokens(exchange.energy_mint, sale.address, 10 * KWH + 7, address=sale.escrow)
    exchange.buy(sale, buyer)
    assert exchange.world.balance(sale.escrow) == 7
    refuse(exchange, "InvalidOrder", sale, buyer, amount_mwh=1_000)


@pytest.mark.forged
def test_a_paused_market_trades_nothing(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    edit_account(
        exchange.world, exchange.program, "Market", exchange.addresses.market(), paused=True
    )
    refuse(exchange, "MarketPaused", sale, buyer)


@pytest.mark.parametrize("name", ["token_program", "event_authority", "program"])
def test_the_fixed_accounts_are_checked(
    exchange: Exchange, sale: Sale, buyer: Party, name: str
) -> None:
    refuse(exchange, "InvalidAccount", sale, buyer, **{name: Pubkey.new_unique()})
    refuse(exchange, "InvalidAccount", sale, buyer, **{name: TOKEN_2022})


def test_the_shape_is_checked(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    trade = exchange.match_order(sale, buyer)
    metas, signers = list(trade.accounts), [buyer.key]
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        exchange.world.refuse("WrongNumberOfAccounts", with_accounts(trade, wrong), signers=signers)
    for data in (bytes(trade.data)[:-1], bytes(trade.data) + b"\0"):
        exchange.world.refuse("InvalidArguments", with_data(trade, data), signers=signers)


@pytest.mark.parametrize("index", [0, 1], ids=["market", "order"])
def test_state_must_be_writable(exchange: Exchange, sale: Sale, buyer: Party, index: int) -> None:
    trade = exchange.match_order(sale, buyer)
    metas = list(trade.accounts)
    metas[index] = AccountMeta(metas[index].pubkey, is_signer=False, is_writable=False)
    readonly = with_accounts(trade, metas)
    exchange.world.refuse("InvalidAccount", readonly, signers=[buyer.key])
