"""trading: match_order_with_thb."""

from typing import Any

import pytest
from bridge import GRX, HOLD_S, PAYMENT_S, Bridge, Reservation, thbc
from exchange import PRICE, Exchange, Party, Sale
from grid import KWH, edit_account, with_accounts, with_data
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from worlds import table_of

from gridtokenx_programs.attestation import UNPAID

MAX_COMPUTE_UNITS = 14_000
LOOKUP_TABLES = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
SYSVAR_OWNER = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
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


@pytest.fixture
def reservation(bridge: Bridge, sale: Sale, buyer: Party) -> Reservation:
    return bridge.reserve(sale, buyer, amount_mwh=4 * KWH, payment_micro_thbc=thbc(12 * GRX))


def state(bridge: Bridge, reservation: Reservation) -> tuple[Any, ...]:
    world, exchange = bridge.world, bridge.exchange
    return (
        exchange.balances(reservation.sale.seller, reservation.buyer),
        exchange.order(reservation.sale),
        exchange.market(),
        *(world.find(address) for address in (reservation.address, reservation.escrow)),
    )


def refuse(
    bridge: Bridge,
    error: str,
    reservation: Reservation,
    /,
    *before: Instruction,
    **changed: Pubkey,
) -> None:
    """The match is refused, and nothing moves."""
    unmoved = state(bridge, reservation)
    instructions = before or (bridge.proof(reservation),)
    match = bridge.match_order_with_thb(reservation, **changed)
    bridge.world.refuse(error, *instructions, match)
    assert state(bridge, reservation) == unmoved


def test_moves_exactly_what_was_reserved(
    bridge: Bridge, sale: Sale, reservation: Reservation
) -> None:
    exchange, world = bridge.exchange, bridge.world
    outcome = bridge.settle(reservation)
    assert outcome.compute_units < MAX_COMPUTE_UNITS
    assert exchange.balances(sale.seller, reservation.buyer) == [
        (90 * KWH, 12 * GRX),
        (4 * KWH, 0),
    ]
    order = exchange.order(sale)
    assert (order["filled_mwh"], order["paid_micro_grx"]) == (4 * KWH, 12 * GRX)
    assert (order["reserved_mwh"], order["reserved_micro_grx"]) == (0, 0)
    assert (order["status"], order["entered"]) == ("Active", False)
    for address in (reservation.address, reservation.escrow):
        assert not world.lamports(address)
    trader = world.account(
        bridge.program, "Trader", bridge.addresses.trader(reservation.buyer.wallet)
    )
    assert trader["open_reservation"] == Pubkey.default()
    [event] = outcome.events
    assert event.name == "TradeExecuted"
    assert event.data == {
        "sequence": exchange.market()["event_sequence"],
        "order": sale.address,
        "number": 1,
        "seller": sale.seller.wallet,
        "buyer": reservation.buyer.wallet,
        "amount_mwh": 4 * KWH,
        "price_micro_grx": PRICE,
        "payment_micro_grx": 12 * GRX,
        "filled_mwh": 4 * KWH,
        "status": 1,
        "payment_method": 1,
        "timestamp": world.sent_at,
        "reservation": reservation.address,
        "payment_micro_thbc": thbc(12 * GRX),
    }


def test_the_rent_goes_back(bridge: Bridge, reservation: Reservation) -> None:
    world = bridge.world
    payer = world.payer.pubkey()
    rent = sum(world.lamports(address) for address in (reservation.address, reservation.escrow))
    before = world.lamports(payer)
    proof = bridge.proof(reservation)
    world.send(proof, bridge.match_order_with_thb(reservation))
    fees = 5_000 * (1 + bridge.threshold)  # the precompile's signatures are paid for as well
    assert world.lamports(payer) == before + rent - fees
    assert rent > 0


@pytest.mark.clock_jump
def test_the_last_part_fills_the_order(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    reservation = bridge.reserve(sale, buyer)
    assert bridge.exchange.order(sale)["status"] == "Matching"
    [event] = bridge.settle(reservation).events
    assert event.data["status"] == 3
    assert bridge.exchange.order(sale)["status"] == "Filled"
    bridge.exchange.outlast(sale)
    bridge.world.send(bridge.exchange.end_order("close_order", sale))


@pytest.mark.clock_jump
@pytest.mark.parametrize("name", ["cancel", "expire"])
def test_a_reserved_part_outlives_its_order(
    bridge: Bridge, exchange: Exchange, seller: Party, buyer: Party, name: str
) -> None:
    sale = exchange.sale(seller, expires_at=exchange.world.now + 60)
    reservation = bridge.reserve(sale, buyer, amount_mwh=4 * KWH, payment_micro_thbc=thbc(12 * GRX))
    bridge.world.set_time(exchange.world.now + 60)
    end = exchange.end_order(name, sale)
    bridge.world.send(end, signers=[seller.key][: name == "cancel"])
    assert exchange.balances(seller) == [(96 * KWH, 0)]
    bridge.world.refuse("InvalidOrder", exchange.end_order("close_order", sale))
    bridge.settle(reservation)
    assert exchange.balances(seller, buyer) == [(96 * KWH, 12 * GRX), (4 * KWH, 0)]
    assert exchange.order(sale)["status"] == {"cancel": "Cancelled", "expire": "Expired"}[name]
    exchange.outlast(sale)
    bridge.world.send(exchange.end_order("close_order", sale))


def test_is_consumed_once(bridge: Bridge, sale: Sale, reservation: Reservation) -> None:
    proof, match = bridge.proof(reservation), bridge.match_order_with_thb(reservation)
    twice = proof, match, proof, match
    bridge.world.refuse("InvalidAccount", *twice, table=table_of(match))
    bridge.world.send(proof, match)
    bridge.world.refuse("InvalidAccount", proof, match)
    buyer = reservation.buyer
    spent = bridge.reserve_order(sale, buyer, 1, 4 * KWH, thbc(12 * GRX))
    bridge.world.refuse("InvalidNonce", spent, signers=[bridge.treasury])
    again = bridge.reserve(sale, buyer, 2, 4 * KWH, thbc(12 * GRX))
    refuse(bridge, "InvalidBridgeProof", again, proof)


def test_two_reservations_settle_in_one_transaction(bridge: Bridge, sale: Sale) -> None:
    """Each with its own proof directly before it."""
    parties = [bridge.exchange.party() for _ in range(2)]
    first, second = (bridge.reserve(sale, party, 1, 4 * KWH, thbc(12 * GRX)) for party in parties)
    proofs = [bridge.proof(reservation) for reservation in (first, second)]
    crossed = bridge.match_order_with_thb(second)
    bridge.world.refuse(
        "InvalidBridgeProof", proofs[1], proofs[0], crossed, table=table_of(crossed)
    )
    bridge.settle(first)
    bridge.settle(second)
    assert [energy for energy, _ in bridge.exchange.balances(*parties)] == [4 * KWH, 4 * KWH]


# Time


@pytest.mark.clock_jump
def test_it_can_be_matched_until_its_hold_ends(bridge: Bridge, sale: Sale) -> None:
    start = bridge.world.now
    parties = [bridge.exchange.party() for _ in range(2)]
    on_time, late = (bridge.reserve(sale, party, 1, 4 * KWH, thbc(12 * GRX)) for party in parties)
    bridge.world.set_time(start + PAYMENT_S + HOLD_S)
    bridge.settle(on_time)
    bridge.world.set_time(start + PAYMENT_S + HOLD_S + 1)
    refuse(bridge, "TooLate", late)


@pytest.mark.clock_jump
def test_match_and_release_exclude_each_other(
    bridge: Bridge, sale: Sale, reservation: Reservation
) -> None:
    """At the second of the deadline and at the one after, exactly one of them is open."""
    proof, match = bridge.proof(reservation), bridge.match_order_with_thb(reservation)
    unpaid = bridge.proof(reservation, UNPAID)
    release = bridge.release_reservation(reservation)
    hold_until = bridge.terms(reservation)["hold_until"]
    bridge.world.set_time(hold_until)
    bridge.world.refuse("InvalidBridgeProof", release)
    bridge.world.set_time(hold_until + 1)
    bridge.world.refuse("TooLate", proof, match)
    bridge.world.set_time(hold_until)
    for pair in ((proof, match, unpaid, release), (unpaid, release, proof, match)):
        bridge.world.refuse("InvalidAccount", *pair, table=table_of(match, release))
    bridge.world.send(proof, match)
    bridge.world.set_time(hold_until + 1)
    bridge.world.refuse("InvalidAccount", release)
    assert bridge.exchange.order(sale)["filled_mwh"] == 4 * KWH


def test_a_paused_market_matches_nothing(bridge: Bridge, reservation: Reservation) -> None:
    """Guardians' keys may be what is lost; the buyer gets the baht back on their own chain."""
    bridge.world.send(
        bridge.program.instruction(
            "pause", {}, {"market": bridge.addresses.market(), "pauser": bridge.authority.pubkey()}
        ),
        signers=[bridge.authority],
    )
    refuse(bridge, "MarketPaused", reservation)


# Accounts


@pytest.mark.forged
def test_the_accounts_are_the_reservations_own(
    bridge: Bridge, sale: Sale, seller: Party, reservation: Reservation
) -> None:
    exchange, world = bridge.exchange, bridge.world
    other_sale = exchange.sale(seller, 2)
    thief = exchange.party()
    other = bridge.reserve(other_sale, exchange.party())
    forged = Pubkey.new_unique()
    world.put(forged, world.registry.id, world.data(reservation.address))
    guardians = world.data(bridge.addresses.guardians())
    forged_set = Pubkey.new_unique()
    world.put(forged_set, world.registry.id, guardians)
    cases = {
        "InvalidAccount": [
            {"order": other_sale.address},
            {"order": sale.escrow},
            {"escrow": world.put_tokens(exchange.energy_mint, sale.address, 10 * KWH)},
            {"escrow": other_sale.escrow},
            {"reservation": forged},
            {"reservation": sale.address},
            {"reservation_escrow": other.escrow},
            {"reservation_escrow": world.put_tokens(exchange.grx_mint, reservation.address, GRX)},
            {"trader": bridge.addresses.trader(other.buyer.wallet)},
            {"rent_payer": thief.wallet},
            {"token_program": TOKEN_2022},
            {"market": sale.address},
        ],
        "InvalidTokenAccount": [
            {"buyer_energy": thief.energy},
            {"buyer_energy": seller.energy},
            {"buyer_energy": reservation.buyer.grx},
            {"seller_grx": thief.grx},
            {"seller_grx": bridge.treasury_grx},
            {"seller_grx": seller.energy},
        ],
        "InvalidBridgeProof": [
            {"guardians": forged_set},
            {"guardians": sale.address},
            {"guardians": bridge.addresses.price()},
        ],
    }
    for error, wrongs in cases.items():
        for wrong in wrongs:
            refuse(bridge, error, reservation, **wrong)
    refuse(bridge, "InvalidBridgeProof", reservation, bridge.proof(other))
    refuse(
        bridge, "InvalidAccount", reservation, bridge.proof(other), reservation=other.address,
        reservation_escrow=other.escrow,
    )  # fmt: skip


def test_the_order_is_the_one_reserved(
    bridge: Bridge, seller: Party, reservation: Reservation
) -> None:
    """Not another of the same seller, of which as much is reserved."""
    other = bridge.exchange.sale(seller, 2)
    bridge.reserve(other, bridge.exchange.party(), 1, 4 * KWH, thbc(12 * GRX))
    refuse(bridge, "InvalidAccount", reservation, order=other.address, escrow=other.escrow)


@pytest.mark.forged
def test_a_reservation_that_is_not_the_buyers_open_one_is_refused(
    bridge: Bridge, reservation: Reservation
) -> None:
    trader = bridge.addresses.trader(reservation.buyer.wallet)
    edit_account(
        bridge.world, bridge.program, "Trader", trader, open_reservation=Pubkey.new_unique()
    )
    refuse(bridge, "InvalidAccount", reservation)


def test_a_donation_goes_to_the_seller_with_the_payment(
    bridge: Bridge, reservation: Reservation
) -> None:
    bridge.world.put_tokens(
        bridge.exchange.grx_mint, reservation.address, 12 * GRX + 7, address=reservation.escrow
    )
    [event] = bridge.settle(reservation).events
    assert event.data["payment_micro_grx"] == 12 * GRX
    assert bridge.exchange.balances(reservation.sale.seller) == [(90 * KWH, 12 * GRX + 7)]
    assert not bridge.world.lamports(reservation.escrow)


@pytest.mark.forged
def test_an_order_inside_a_trade_is_guarded(
    bridge: Bridge, sale: Sale, reservation: Reservation
) -> None:
    edit_account(bridge.world, bridge.program, "Order", sale.address, entered=True)
    refuse(bridge, "ReentrancyDetected", reservation)


def test_the_shape_is_checked(bridge: Bridge, reservation: Reservation) -> None:
    match, proof = bridge.match_order_with_thb(reservation), bridge.proof(reservation)
    metas = list(match.accounts)
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        bridge.world.refuse("WrongNumberOfAccounts", proof, with_accounts(match, wrong))
    longer = with_data(match, bytes(match.data) + b"\0")
    bridge.world.refuse("InvalidArguments", proof, longer)
    for index in (0, 1, 3, 5):  # market, order, reservation, trader
        readonly = [*metas]
        readonly[index] = AccountMeta(metas[index].pubkey, is_signer=False, is_writable=False)
        bridge.world.refuse("InvalidAccount", proof, with_accounts(match, readonly))
