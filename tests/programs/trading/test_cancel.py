"""trading: cancel and expire, which end an order."""

from typing import Any

import pytest
from exchange import PRICE, Exchange, Party, Sale
from grid import KWH, edit_account, with_accounts, with_data, without_signature
from solders.instruction import AccountMeta
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token.state import TokenAccountState

MAX_COMPUTE_UNITS = 4_400
GRX = 1_000_000
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
NAMES = ["cancel", "expire"]
STATUS = {"cancel": "Cancelled", "expire": "Expired"}
LIFETIME_S = 60


@pytest.fixture
def seller(exchange: Exchange) -> Party:
    return exchange.party(energy=100 * KWH)


@pytest.fixture
def buyer(exchange: Exchange) -> Party:
    return exchange.party(grx=100 * GRX)


@pytest.fixture
def sale(exchange: Exchange, seller: Party) -> Sale:
    return exchange.sale(seller, expires_at=exchange.world.now + LIFETIME_S)


def end(exchange: Exchange, name: str, sale: Sale, **changed: Pubkey) -> Any:
    """End an order at a time when both ways are open."""
    exchange.world.set_time(exchange.order(sale)["expires_at"])
    instruction = exchange.end_order(name, sale, **changed)
    signers = [sale.seller.key] if name == "cancel" else []
    return exchange.world.send(instruction, signers=signers)


def refuse(exchange: Exchange, error: str, name: str, sale: Sale, **changed: Any) -> None:
    """It is refused, and nothing moves."""
    exchange.world.set_time(exchange.order(sale)["expires_at"])
    before = exchange.order(sale), exchange.world.data(sale.escrow), exchange.market()
    instruction = exchange.end_order(name, sale, **changed)
    exchange.world.refuse(error, instruction, signers=[sale.seller.key][: name == "cancel"])
    after = exchange.order(sale), exchange.world.data(sale.escrow), exchange.market()
    assert after == before


def edit(exchange: Exchange, sale: Sale, **fields: Any) -> None:
    edit_account(exchange.world, exchange.program, "Order", sale.address, **fields)


@pytest.mark.clock_jump
@pytest.mark.parametrize("name", NAMES)
def test_what_is_left_goes_back(exchange: Exchange, sale: Sale, buyer: Party, name: str) -> None:
    exchange.buy(sale, buyer, 4 * KWH)
    outcome = end(exchange, name, sale)
    assert outcome.compute_units < MAX_COMPUTE_UNITS
    assert exchange.balances(sale.seller, buyer) == [
        (96 * KWH, 12 * GRX),
        (4 * KWH, 88 * GRX),
    ]
    assert exchange.world.balance(sale.escrow) == 0
    order = exchange.order(sale)
    assert (order["status"], order["ending"], order["entered"]) == (
        STATUS[name],
        STATUS[name],
        False,
    )
    assert (order["filled_mwh"], order["returned_mwh"]) == (4 * KWH, 6 * KWH)
    [event] = outcome.events
    assert event.name == f"Order{STATUS[name]}"
    assert event.data == {
        "sequence": 4,
        "order": sale.address,
        "number": 1,
        "seller": sale.seller.wallet,
        "returned_mwh": 6 * KWH,
        "filled_mwh": 4 * KWH,
        "reserved_mwh": 0,
        "status": 4 + NAMES.index(name),
        "timestamp": exchange.world.sent_at,
    }


@pytest.mark.clock_jump
@pytest.mark.forged
@pytest.mark.parametrize("name", NAMES)
def test_what_is_reserved_stays(exchange: Exchange, sale: Sale, name: str) -> None:
    edit(exchange, sale, reserved_mwh=3 * KWH, reserved_micro_grx=9 * GRX)
    [event] = end(exchange, name, sale).events
    assert (event.data["returned_mwh"], event.data["reserved_mwh"]) == (7 * KWH, 3 * KWH)
    order = exchange.order(sale)
    assert (order["status"], order["ending"]) == ("Matching", STATUS[name])
    assert exchange.world.balance(sale.escrow) == 3 * KWH
    for again in NAMES:
        refuse(exchange, "InvalidOrder", again, sale)


@pytest.mark.clock_jump
@pytest.mark.forged
def test_an_order_all_reserved_can_be_cancelled(exchange: Exchange, sale: Sale) -> None:
    edit(exchange, sale, reserved_mwh=10 * KWH, status="Matching")
    [event] = end(exchange, "cancel", sale).events
    assert event.data["returned_mwh"] == 0
    assert exchange.order(sale)["status"] == "Matching"
    assert exchange.world.balance(sale.escrow) == 10 * KWH


def test_only_the_seller_cancels(exchange: Exchange, sale: Sale) -> None:
    stranger = exchange.party(energy=KWH)
    instruction = exchange.end_order("cancel", sale, seller=stranger.wallet)
    exchange.world.refuse("Unauthorized", instruction, signers=[stranger.key])
    unsigned = without_signature(exchange.end_order("cancel", sale), sale.seller.wallet)
    exchange.world.refuse("MissingSignature", unsigned)


@pytest.mark.clock_jump
def test_nothing_expires_early_or_without_an_expiry(exchange: Exchange, seller: Party) -> None:
    world = exchange.world
    expires_at = world.now + LIFETIME_S
    sale, endless = exchange.sale(seller, 1, expires_at=expires_at), exchange.sale(seller, 2)
    world.set_time(expires_at - 1)
    world.refuse("TooEarly", exchange.end_order("expire", sale))
    world.set_time(expires_at)
    world.send(exchange.end_order("expire", sale))
    world.set_time(2**62)
    world.refuse("TooEarly", exchange.end_order("expire", endless))
    world.send(exchange.end_order("cancel", endless), signers=[seller.key])


@pytest.mark.clock_jump
@pytest.mark.forged
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", ["Created", "Filled", "Cancelled", "Expired"])
def test_only_living_orders_end(exchange: Exchange, sale: Sale, name: str, status: str) -> None:
    edit(exchange, sale, status=status)
    refuse(exchange, "InvalidOrder", name, sale)


@pytest.mark.clock_jump
@pytest.mark.forged
@pytest.mark.parametrize("name", NAMES)
def test_an_order_inside_a_trade_is_guarded(exchange: Exchange, sale: Sale, name: str) -> None:
    edit(exchange, sale, entered=True)
    refuse(exchange, "ReentrancyDetected", name, sale)


@pytest.mark.clock_jump
@pytest.mark.forged
@pytest.mark.parametrize("name", NAMES)
def test_a_pause_blocks_neither(exchange: Exchange, sale: Sale, name: str) -> None:
    market = exchange.addresses.market()
    edit_account(exchange.world, exchange.program, "Market", market, paused=True)
    end(exchange, name, sale)
    assert exchange.balances(sale.seller) == [(100 * KWH, 0)]


@pytest.mark.clock_jump
@pytest.mark.forged
@pytest.mark.parametrize("name", NAMES)
def test_energy_goes_back_to_the_seller(exchange: Exchange, sale: Sale, name: str) -> None:
    world, thief = exchange.world, exchange.party()
    other = world.put_mint()
    for account in (
        thief.energy,
        sale.seller.grx,
        sale.escrow,
        world.put_tokens(other, sale.seller.wallet),
        world.put_tokens(exchange.energy_mint, sale.seller.wallet, delegate=thief.wallet),
        world.put_tokens(exchange.energy_mint, sale.seller.wallet, close_authority=thief.wallet),
        world.put_tokens(exchange.energy_mint, sale.seller.wallet, state=TokenAccountState.Frozen),
        world.put_tokens(exchange.energy_mint, sale.seller.wallet, program=TOKEN_2022),
    ):
        refuse(exchange, "InvalidTokenAccount", name, sale, seller_energy=account)


@pytest.mark.clock_jump
@pytest.mark.parametrize("name", NAMES)
def test_the_escrow_is_this_orders(exchange: Exchange, seller: Party, name: str) -> None:
    later = exchange.world.now + LIFETIME_S
    sale, other = (exchange.sale(seller, nonce, expires_at=later) for nonce in (1, 2))
    lookalike = exchange.world.put_tokens(exchange.energy_mint, sale.address, 10 * KWH)
    for escrow in (lookalike, other.escrow, seller.energy):
        refuse(exchange, "InvalidAccount", name, sale, escrow=escrow)


@pytest.mark.clock_jump
@pytest.mark.forged
@pytest.mark.parametrize("name", NAMES)
def test_order_and_market_are_the_programs_own(exchange: Exchange, sale: Sale, name: str) -> None:
    world = exchange.world
    forged_order, forged_market = Pubkey.new_unique(), Pubkey.new_unique()
    world.put(forged_order, world.registry.id, world.data(sale.address))
    world.put(forged_market, world.registry.id, world.data(exchange.addresses.market()))
    bid = exchange.bid(exchange.party(grx=100 * GRX))
    for order in (forged_order, bid.address):
        refuse(exchange, "InvalidAccount", name, sale, order=order)
    for market in (forged_market, sale.address, bid.address):
        refuse(exchange, "InvalidAccount", name, sale, market=market)


@pytest.mark.clock_jump
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("account", ["token_program", "event_authority", "program"])
def test_the_fixed_accounts_are_checked(
    exchange: Exchange, sale: Sale, name: str, account: str
) -> None:
    refuse(exchange, "InvalidAccount", name, sale, **{account: TOKEN_2022})


@pytest.mark.clock_jump
@pytest.mark.parametrize("name", NAMES)
def test_the_shape_is_checked(exchange: Exchange, sale: Sale, name: str) -> None:
    exchange.world.set_time(exchange.order(sale)["expires_at"])
    instruction = exchange.end_order(name, sale)
    metas, signers = list(instruction.accounts), [sale.seller.key][: name == "cancel"]
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        exchange.world.refuse(
            "WrongNumberOfAccounts", with_accounts(instruction, wrong), signers=signers
        )
    longer = with_data(instruction, bytes(instruction.data) + b"\0")
    exchange.world.refuse("InvalidArguments", longer, signers=signers)
    for index in (0, 1):
        readonly = [*metas]
        readonly[index] = AccountMeta(metas[index].pubkey, is_signer=False, is_writable=False)
        exchange.world.refuse(
            "InvalidAccount", with_accounts(instruction, readonly), signers=signers
        )


@pytest.mark.clock_jump
def test_races_have_one_winner(exchange: Exchange, sale: Sale, buyer: Party) -> None:
    """Whoever's transaction is first in the slot: the energy goes once."""
    world, expires_at = exchange.world, exchange.order(sale)["expires_at"]
    match, cancel = exchange.match_order(sale, buyer), exchange.end_order("cancel", sale)
    expire = exchange.end_order("expire", sale)
    keys: list[Keypair] = [sale.seller.key, buyer.key]
    for pair in ((match, cancel), (cancel, match), (cancel, cancel)):
        world.refuse("InvalidOrder", *pair, signers=keys[: 1 + (match in pair)])
    world.set_time(expires_at)
    for pair in ((expire, cancel), (cancel, expire)):
        world.refuse("InvalidOrder", *pair, signers=keys[:1])
    world.refuse("InvalidOrder", match, signers=keys[1:])
    world.set_time(expires_at - 1)
    world.send(match, signers=keys[1:])
    world.refuse("InvalidOrder", cancel, signers=keys[:1])
    assert exchange.balances(sale.seller, buyer) == [(90 * KWH, 30 * GRX), (10 * KWH, 70 * GRX)]


@pytest.mark.clock_jump
def test_a_donation_does_not_come_back_with_a_cancel(exchange: Exchange, sale: Sale) -> None:
    exchange.world.put_tokens(exchange.energy_mint, sale.address, 10 * KWH + 7, address=sale.escrow)
    end(exchange, "cancel", sale)
    assert exchange.world.balance(sale.escrow) == 7
    assert exchange.order(sale)["price_micro_grx"] == PRICE
