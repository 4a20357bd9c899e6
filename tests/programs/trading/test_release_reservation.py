"""trading: release_reservation."""

from typing import Any

import pytest
from bridge import GRX, HOLD_S, PAYMENT_S, Bridge, Reservation, thbc
from exchange import Exchange, Party, Sale
from grid import KWH, edit_account, with_accounts, with_data
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from worlds import table_of

from gridtokenx_programs.attestation import PAID, UNPAID

MAX_COMPUTE_UNITS = 14_000
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


@pytest.fixture
def seller(exchange: Exchange) -> Party:
    return exchange.party(energy=100 * KWH)


@pytest.fixture
def buyer(exchange: Exchange) -> Party:
    return exchange.party(user_type="Consumer")


@pytest.fixture
def sale(exchange: Exchange, seller: Party) -> Sale:
    return exchange.sale(seller, expires_at=exchange.world.now + 60)


@pytest.fixture
def reservation(bridge: Bridge, sale: Sale, buyer: Party) -> Reservation:
    return bridge.reserve(sale, buyer, amount_mwh=4 * KWH, payment_micro_thbc=thbc(12 * GRX))


def refuse(
    bridge: Bridge, error: str, reservation: Reservation, /, *before: Any, **changed: Pubkey
) -> None:
    """The release is refused, and nothing moves."""

    def state() -> tuple[Any, ...]:
        sale, exchange = reservation.sale, bridge.exchange
        escrows = [bridge.world.balance(account) for account in (sale.escrow, reservation.escrow)]
        return exchange.order(sale), exchange.market(), bridge.terms(reservation), escrows

    unmoved = state()
    release = bridge.release_reservation(reservation, **changed)
    bridge.world.refuse(error, *before, release)
    assert state() == unmoved


def after_hold(bridge: Bridge, reservation: Reservation) -> None:
    bridge.world.set_time(bridge.terms(reservation)["hold_until"] + 1)


def after_deadline(bridge: Bridge, reservation: Reservation) -> None:
    bridge.world.set_time(bridge.terms(reservation)["pay_deadline"] + 1)


@pytest.mark.clock_jump
def test_anyone_releases_when_the_hold_is_over(bridge: Bridge, seller: Party, buyer: Party) -> None:
    world, sale = bridge.world, bridge.exchange.sale(seller)
    treasury = world.balance(bridge.treasury_grx)
    reservation = bridge.reserve(sale, buyer)
    assert bridge.exchange.order(sale)["status"] == "Matching"
    rent = sum(world.lamports(address) for address in (reservation.address, reservation.escrow))
    world.set_time(world.now + PAYMENT_S + HOLD_S + 1)
    before = world.lamports(world.payer.pubkey())
    outcome = world.send(bridge.release_reservation(reservation))
    assert outcome.compute_units < MAX_COMPUTE_UNITS
    assert world.lamports(world.payer.pubkey()) == before + rent - 5_000
    order = bridge.exchange.order(sale)
    assert (order["status"], order["reserved_mwh"]) == ("Active", 0)
    assert (order["reserved_micro_grx"], order["returned_mwh"]) == (0, 0)
    assert world.balance(sale.escrow) == 10 * KWH
    assert world.balance(bridge.treasury_grx) == treasury
    for address in (reservation.address, reservation.escrow):
        assert not world.lamports(address)
    trader = world.account(bridge.program, "Trader", bridge.addresses.trader(buyer.wallet))
    assert trader["open_reservation"] == Pubkey.default()
    [event] = outcome.events
    assert event.name == "ReservationReleased"
    assert event.data == {
        "sequence": bridge.exchange.market()["event_sequence"],
        "reservation": reservation.address,
        "order": sale.address,
        "number": 1,
        "seller": seller.wallet,
        "buyer": buyer.wallet,
        "amount_mwh": 10 * KWH,
        "payment_micro_grx": 30 * GRX,
        "returned_mwh": 0,
        "reserved_mwh": 0,
        "status": 1,
        "timestamp": world.sent_at,
    }


@pytest.mark.clock_jump
def test_not_before_without_a_proof(bridge: Bridge, reservation: Reservation) -> None:
    terms = bridge.terms(reservation)
    bridge.world.set_time(terms["pay_deadline"])
    refuse(bridge, "TooEarly", reservation, bridge.proof(reservation, UNPAID))
    refuse(bridge, "TooEarly", reservation)
    bridge.world.set_time(terms["hold_until"])
    refuse(bridge, "InvalidBridgeProof", reservation)


@pytest.mark.clock_jump
def test_sooner_when_guardians_attest_that_it_was_not_paid(
    bridge: Bridge, sale: Sale, reservation: Reservation
) -> None:
    after_deadline(bridge, reservation)
    refuse(bridge, "InvalidBridgeProof", reservation)
    refuse(bridge, "InvalidBridgeProof", reservation, bridge.proof(reservation, PAID))
    for signers in (bridge.guardians[:2], [bridge.guardians[0]] * 3):
        few = bridge.proof(reservation, UNPAID, signers=signers)
        refuse(bridge, "InvalidBridgeProof", reservation, few)
    stale = bridge.proof(reservation, UNPAID, guardian_epoch=2)
    refuse(bridge, "InvalidBridgeProof", reservation, stale)
    outcome = bridge.release(reservation)
    assert outcome.compute_units < MAX_COMPUTE_UNITS
    assert bridge.exchange.order(sale)["reserved_mwh"] == 0


@pytest.mark.clock_jump
@pytest.mark.parametrize("name", ["cancel", "expire"])
def test_energy_of_an_ended_order_goes_to_the_seller(
    bridge: Bridge, sale: Sale, reservation: Reservation, name: str
) -> None:
    exchange, world, seller = bridge.exchange, bridge.world, sale.seller
    world.set_time(exchange.order(sale)["expires_at"])
    world.send(exchange.end_order(name, sale), signers=[seller.key][: name == "cancel"])
    after_hold(bridge, reservation)
    thief = exchange.party()
    lookalike = world.put_tokens(exchange.energy_mint, sale.address, 10 * KWH)
    for wrong in (thief.energy, seller.grx, sale.escrow):
        refuse(bridge, "InvalidTokenAccount", reservation, seller_energy=wrong)
    refuse(bridge, "InvalidAccount", reservation, escrow=lookalike)
    [event] = world.send(bridge.release_reservation(reservation)).events
    ended = {"cancel": "Cancelled", "expire": "Expired"}[name]
    assert event.data["returned_mwh"] == 4 * KWH
    assert exchange.order(sale)["status"] == ended
    assert exchange.order(sale)["returned_mwh"] == 10 * KWH
    assert exchange.balances(seller) == [(100 * KWH, 0)]
    world.send(exchange.end_order("close_order", sale))


@pytest.mark.clock_jump
def test_two_reservations_of_a_cancelled_order_end_one_by_one(
    bridge: Bridge, seller: Party
) -> None:
    exchange, world = bridge.exchange, bridge.world
    sale = exchange.sale(seller)
    buyers = [exchange.party() for _ in range(2)]
    first, second = (bridge.reserve(sale, buyer, 1, 4 * KWH, thbc(12 * GRX)) for buyer in buyers)
    world.send(exchange.end_order("cancel", sale), signers=[seller.key])
    bridge.release(first)
    assert exchange.order(sale)["status"] == "Matching"
    world.refuse("InvalidOrder", exchange.end_order("close_order", sale))
    bridge.settle(second)
    assert exchange.order(sale)["status"] == "Cancelled"
    assert exchange.balances(seller) == [(96 * KWH, 12 * GRX)]
    world.send(exchange.end_order("close_order", sale))


@pytest.mark.clock_jump
def test_an_order_that_is_alive_needs_no_account_of_the_seller(
    bridge: Bridge, reservation: Reservation
) -> None:
    after_hold(bridge, reservation)
    anything = Pubkey.new_unique()
    bridge.world.send(bridge.release_reservation(reservation, seller_energy=anything))


@pytest.mark.clock_jump
def test_energy_comes_out_of_the_orders_escrow(
    bridge: Bridge, sale: Sale, reservation: Reservation
) -> None:
    world, exchange = bridge.world, bridge.exchange
    world.send(exchange.end_order("cancel", sale), signers=[sale.seller.key])
    after_hold(bridge, reservation)
    lookalike = world.put_tokens(exchange.energy_mint, sale.address, 10 * KWH)
    refuse(bridge, "InvalidAccount", reservation, escrow=lookalike)


@pytest.mark.clock_jump
@pytest.mark.forged
def test_no_reservation_blocks_a_seller_for_ever(bridge: Bridge, seller: Party) -> None:
    """Pause, no guardians, no treasury, a treasury account gone: the energy comes back."""
    exchange, world = bridge.exchange, bridge.world
    sale = exchange.sale(seller)
    reservation = bridge.reserve(sale, exchange.party())
    nobody = Keypair()
    world.send(
        bridge.set_guardians([Pubkey.new_unique()], 1),
        bridge.set_authority("Treasury", nobody.pubkey()),
        bridge.set_authority("Authority", nobody.pubkey()),
        signers=[bridge.authority, nobody],
    )
    market = exchange.addresses.market()
    edit_account(world, bridge.program, "Market", market, paused=True)
    world.send(exchange.end_order("cancel", sale), signers=[seller.key])
    after_hold(bridge, reservation)
    world.remove(bridge.treasury_grx)
    refuse(bridge, "InvalidTokenAccount", reservation)
    anew = world.put_tokens(exchange.grx_mint, bridge.treasury.pubkey())  # as anyone can
    world.send(bridge.release_reservation(reservation, treasury_grx=anew))
    assert exchange.balances(seller) == [(100 * KWH, 0)]
    assert world.balance(anew) == 30 * GRX


@pytest.mark.clock_jump
def test_grx_go_back_to_whose_they_were(bridge: Bridge, reservation: Reservation) -> None:
    world, exchange = bridge.world, bridge.exchange
    after_hold(bridge, reservation)
    thief = exchange.party()
    treasury = bridge.treasury.pubkey()
    for wrong in (
        thief.grx,
        reservation.sale.seller.grx,
        reservation.escrow,
        world.put_tokens(exchange.energy_mint, treasury),
        world.put_tokens(exchange.grx_mint, treasury, delegate=thief.wallet),
        world.put_tokens(exchange.grx_mint, treasury, close_authority=thief.wallet),
    ):
        refuse(bridge, "InvalidTokenAccount", reservation, treasury_grx=wrong)
    other = bridge.set_authority("Treasury", thief.wallet)
    world.send(other, signers=[bridge.authority, thief.key])
    refuse(bridge, "InvalidTokenAccount", reservation, treasury_grx=thief.grx)
    world.send(bridge.release_reservation(reservation))


@pytest.mark.clock_jump
def test_a_donation_goes_back_with_them(bridge: Bridge, reservation: Reservation) -> None:
    before = bridge.world.balance(bridge.treasury_grx)
    bridge.world.put_tokens(
        bridge.exchange.grx_mint, reservation.address, 12 * GRX + 7, address=reservation.escrow
    )
    bridge.release(reservation)
    assert bridge.world.balance(bridge.treasury_grx) == before + 12 * GRX + 7


@pytest.mark.clock_jump
def test_happens_once(bridge: Bridge, reservation: Reservation) -> None:
    after_hold(bridge, reservation)
    release = bridge.release_reservation(reservation)
    bridge.world.refuse("InvalidAccount", release, release)
    bridge.world.send(release)
    bridge.world.refuse("InvalidAccount", release)
    bridge.world.fund(reservation.address, 10_000_000)
    bridge.world.refuse("InvalidAccount", release)


@pytest.mark.clock_jump
@pytest.mark.forged
def test_a_released_part_is_not_matched(
    bridge: Bridge, sale: Sale, reservation: Reservation
) -> None:
    """Closed and reserved again in one transaction: the old payment buys nothing."""
    world, buyer = bridge.world, reservation.buyer
    paid, match = bridge.proof(reservation), bridge.match_order_with_thb(reservation)
    edit_account(world, bridge.program, "Order", sale.address, expires_at=0)
    after_hold(bridge, reservation)
    bridge.post_price()
    release = bridge.release_reservation(reservation)
    for nonce, error in ((1, "InvalidNonce"), (2, "InvalidAccount")):
        again = bridge.reserve_order(sale, buyer, nonce, 4 * KWH, thbc(12 * GRX))
        steps = release, again, paid, match
        world.refuse(error, *steps, signers=[bridge.treasury], table=table_of(*steps))


@pytest.mark.clock_jump
@pytest.mark.forged
def test_the_accounts_are_the_reservations_own(
    bridge: Bridge, sale: Sale, reservation: Reservation
) -> None:
    world, exchange = bridge.world, bridge.exchange
    other_sale = exchange.sale(exchange.party(energy=10 * KWH))
    other = bridge.reserve(other_sale, exchange.party())
    after_hold(bridge, reservation)
    forged = Pubkey.new_unique()
    world.put(forged, world.registry.id, world.data(reservation.address))
    for name, wrong in (
        ("order", other_sale.address),
        ("reservation", forged),
        ("reservation", sale.address),
        ("reservation_escrow", other.escrow),
        ("reservation_escrow", world.put_tokens(exchange.grx_mint, reservation.address, GRX)),
        ("trader", bridge.addresses.trader(other.buyer.wallet)),
        ("rent_payer", reservation.buyer.wallet),
        ("market", sale.address),
        ("token_program", TOKEN_2022),
        ("event_authority", TOKEN_2022),
        ("program", TOKEN_2022),
    ):
        refuse(bridge, "InvalidAccount", reservation, **{name: wrong})
    bridge.world.set_time(bridge.terms(reservation)["hold_until"])
    unpaid = bridge.proof(reservation, UNPAID)
    for wrong in (bridge.addresses.price(), sale.address):
        refuse(bridge, "InvalidBridgeProof", reservation, unpaid, guardians=wrong)
    refuse(bridge, "InvalidBridgeProof", reservation, unpaid, instructions_sysvar=forged)
    refuse(bridge, "InvalidBridgeProof", reservation, bridge.proof(other, UNPAID))


@pytest.mark.clock_jump
@pytest.mark.forged
def test_an_order_inside_a_trade_is_guarded(
    bridge: Bridge, sale: Sale, reservation: Reservation
) -> None:
    after_hold(bridge, reservation)
    edit_account(bridge.world, bridge.program, "Order", sale.address, entered=True)
    refuse(bridge, "ReentrancyDetected", reservation)


@pytest.mark.clock_jump
def test_the_shape_is_checked(bridge: Bridge, reservation: Reservation) -> None:
    after_hold(bridge, reservation)
    release = bridge.release_reservation(reservation)
    metas = list(release.accounts)
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        bridge.world.refuse("WrongNumberOfAccounts", with_accounts(release, wrong))
    bridge.world.refuse("InvalidArguments", with_data(release, bytes(release.data) + b"\0"))
