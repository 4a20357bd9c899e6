"""trading: guardians' proof, as match_order_with_thb and release_reservation check it."""

import struct
from typing import Any

import pytest
from bridge import BRIDGE, CHAIN_ID, GRX, Bridge, Reservation, thbc
from exchange import Exchange, Party, Sale
from grid import KWH, Caller, with_data
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from worlds import table_of

from gridtokenx_programs.attestation import PAID, UNPAID, guardian_proof
from gridtokenx_programs.precompiles import ED25519, signature_instruction

COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
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
    # As version 0: with a second proof before it, a legacy transaction is too small.
    table = table_of(match) if len(instructions) > 1 else ()
    bridge.world.refuse(error, *instructions, match, table=table)
    assert state(bridge, reservation) == unmoved


# Guardians


def test_as_many_guardians_as_the_threshold_says(bridge: Bridge, reservation: Reservation) -> None:
    for signers in (bridge.guardians[:1], bridge.guardians[:2], bridge.guardians[:4]):
        refuse(
            bridge, "InvalidBridgeProof", reservation, bridge.proof(reservation, signers=signers)
        )
    bridge.world.send(
        bridge.proof(reservation, signers=bridge.guardians[2:]),
        bridge.match_order_with_thb(reservation),
    )


def test_a_guardian_counts_once(bridge: Bridge, reservation: Reservation) -> None:
    a, b, *_ = bridge.guardians
    for signers in ([a, a, a], [a, a, b], [a, b, b], [a, b, a]):
        refuse(
            bridge, "InvalidBridgeProof", reservation, bridge.proof(reservation, signers=signers)
        )


def test_guardians_sign_in_the_order_of_the_set(bridge: Bridge, reservation: Reservation) -> None:
    a, b, c, *_ = bridge.guardians
    backwards = bridge.proof(reservation, signers=[c, b, a])
    refuse(bridge, "InvalidBridgeProof", reservation, backwards)


def test_strangers_and_the_key_of_nobody_do_not_count(
    bridge: Bridge, reservation: Reservation
) -> None:
    signers = [*bridge.guardians[:2], Keypair()]
    refuse(bridge, "InvalidBridgeProof", reservation, bridge.proof(reservation, signers=signers))


@pytest.mark.parametrize(("guardians", "threshold"), [(1, 1), (2, 2), (3, 2), (7, 4), (9, 5)])
def test_every_size_of_set(
    bridge: Bridge, sale: Sale, buyer: Party, guardians: int, threshold: int
) -> None:
    """The last guardian of the set counts; one fewer than enough, or one stranger, does not."""
    bridge.guardians = [Keypair() for _ in range(guardians)]
    bridge.threshold = threshold
    bridge.world.send(bridge.set_guardians(), signers=[bridge.authority])
    reservation = bridge.reserve(sale, buyer)
    last = bridge.guardians[guardians - threshold :]
    match = bridge.match_order_with_thb(reservation)
    short = last[1:] if threshold > 1 else [Keypair()]
    # As version 0: from five signatures on, a legacy transaction is too small.
    table = table_of(match)
    for signers in (short, [*last[:-1], Keypair()], [*last[1:], last[-1]][:threshold]):
        if signers != last:
            proof = bridge.proof(reservation, signers=signers)
            bridge.world.refuse("InvalidBridgeProof", proof, match, table=table)
    bridge.world.send(bridge.proof(reservation, signers=last), match, table=table)
    assert bridge.exchange.balances(buyer) == [(10 * KWH, 0)]


def test_a_retired_set_does_not_count(bridge: Bridge, reservation: Reservation) -> None:
    old_epoch, retired = bridge.epoch(), list(bridge.guardians)
    early = bridge.proof(reservation)
    bridge.guardians = [Keypair() for _ in range(5)]
    bridge.world.send(bridge.set_guardians(), signers=[bridge.authority])
    assert bridge.epoch() == old_epoch + 1
    refuse(bridge, "InvalidBridgeProof", reservation, early)
    for signers in (retired[:3], [*bridge.guardians[:2], retired[0]]):
        refuse(
            bridge, "InvalidBridgeProof", reservation, bridge.proof(reservation, signers=signers)
        )
    bridge.settle(reservation)


def test_the_same_guardians_in_another_epoch_sign_anew(
    bridge: Bridge, reservation: Reservation
) -> None:
    early = bridge.proof(reservation)
    bridge.world.send(bridge.set_guardians(), signers=[bridge.authority])
    refuse(bridge, "InvalidBridgeProof", reservation, early)
    for wrong in (0, bridge.epoch() - 1, bridge.epoch() + 1):
        refuse(
            bridge,
            "InvalidBridgeProof",
            reservation,
            bridge.proof(reservation, guardian_epoch=wrong),
        )
    bridge.settle(reservation)


def test_a_new_bridge_does_not_change_a_reservation(
    bridge: Bridge, reservation: Reservation
) -> None:
    """The buyer pays where the reservation says, whatever the next set's bridge is."""
    moved = bridge.set_guardians(evm_chain_id=1, bridge=bytes(range(20)))
    bridge.world.send(moved, signers=[bridge.authority])
    refuse(bridge, "InvalidBridgeProof", reservation, bridge.proof(reservation, evm_chain_id=1))
    terms = bridge.terms(reservation)
    assert (terms["evm_chain_id"], terms["bridge"]) == (CHAIN_ID, BRIDGE)
    bridge.settle(reservation)


# What is attested


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": UNPAID},
        {"deployment": b"abcd"},
        {"program": TOKEN_2022},
        {"market": Pubkey.new_unique()},
        {"evm_chain_id": CHAIN_ID + 1},
        {"bridge": bytes(20)},
        {"reservation": Pubkey.new_unique()},
        {"order": Pubkey.new_unique()},
        {"buyer": Pubkey.new_unique()},
        {"seller": Pubkey.new_unique()},
        {"amount_mwh": 5 * KWH},
        {"payment_micro_grx": 12 * GRX + 1},
        {"payment_micro_thbc": thbc(12 * GRX) - 1},
        {"pay_deadline": 0},
    ],
    ids="".join,
)
def test_an_attestation_is_about_one_payment(
    bridge: Bridge, reservation: Reservation, wrong: dict[str, Any]
) -> None:
    refuse(bridge, "InvalidBridgeProof", reservation, bridge.proof(reservation, **wrong))


def test_an_attestation_is_272_bytes_of_known_layout(
    bridge: Bridge, reservation: Reservation
) -> None:
    """Guardians in other languages make the same bytes."""
    encoded = bridge.attestation(reservation, PAID).encode()
    assert len(encoded) == 272
    terms = bridge.terms(reservation)
    assert encoded[:8] == b"GTXPAID1"
    assert encoded[8:12] == bridge.exchange.grid.deployment
    assert encoded[12:44] == bytes(bridge.program.id)
    assert encoded[44:76] == bytes(bridge.addresses.market())
    assert struct.unpack("<QQ", encoded[76:92]) == (1, CHAIN_ID)
    assert encoded[92:112] == BRIDGE
    assert encoded[112:144] == bytes(reservation.address)
    assert encoded[144:240] == b"".join(
        bytes(key)
        for key in (
            reservation.sale.address,
            reservation.buyer.wallet,
            reservation.sale.seller.wallet,
        )
    )
    amounts = (4 * KWH, 12 * GRX, 120_000_000, terms["pay_deadline"])
    assert struct.unpack("<QQQq", encoded[240:]) == amounts


# The proof's layout


def forge(proof: Instruction, offset: int, replaced: bytes) -> Instruction:
    data = bytes(proof.data)
    return with_data(proof, data[:offset] + replaced + data[offset + len(replaced) :])


def test_the_proof_comes_directly_before(bridge: Bridge, reservation: Reservation) -> None:
    proof, match = bridge.proof(reservation), bridge.match_order_with_thb(reservation)
    between = bridge.set_authority("Pauser", bridge.oracle.pubkey())
    for order in ((proof, between, match), (between, match), (match, proof), (match,)):
        keys = [bridge.authority, bridge.oracle] if between in order else []
        bridge.world.refuse("InvalidBridgeProof", *order, signers=keys)


def test_a_call_by_another_program_is_refused(bridge: Bridge, reservation: Reservation) -> None:
    """What lies before the caller was not meant for us."""
    called = Caller(bridge.world).call(bridge.match_order_with_thb(reservation))
    bridge.world.refuse("Custom(6006)", bridge.proof(reservation), called)


def test_the_proof_is_the_precompiles(bridge: Bridge, sale: Sale, buyer: Party) -> None:
    """A program that ignores what follows its own few bytes lets unsigned data stand there:
    for two guardians, the proof begins as an order to the compute budget program does."""
    bridge.guardians, bridge.threshold = [Keypair() for _ in range(3)], 2
    bridge.world.send(bridge.set_guardians(), signers=[bridge.authority])
    reservation = bridge.reserve(sale, buyer)
    proof = bridge.proof(reservation)
    unchecked = Instruction(COMPUTE_BUDGET, bytes(proof.data), [])
    refuse(bridge, "InvalidBridgeProof", reservation, unchecked)
    bridge.world.send(proof, bridge.match_order_with_thb(reservation))


@pytest.mark.forged
def test_a_fake_sysvar_is_refused(bridge: Bridge, reservation: Reservation) -> None:
    world, fake = bridge.world, Pubkey.new_unique()
    proof = bytes(bridge.proof(reservation).data)
    program = Pubkey.from_string("Ed25519SigVerify111111111111111111111111111")
    entry = struct.pack("<H", 0) + bytes(program) + struct.pack("<H", len(proof)) + proof
    data = struct.pack("<HHH", 2, 6, 6 + len(entry)) + entry + struct.pack("<H", 1)
    world.put(fake, SYSVAR_OWNER, data)
    match = bridge.match_order_with_thb(reservation, instructions_sysvar=fake)
    world.refuse("InvalidBridgeProof", match)
    world.refuse("InvalidBridgeProof", bridge.proof(reservation), match)


def test_every_offset_points_into_the_proof(bridge: Bridge, reservation: Reservation) -> None:
    """Each index that names an instruction, and each offset, has one value for each place."""
    proof = bridge.proof(reservation)
    copy = bridge.proof(reservation)  # a good one in front, for others to point at
    for signature in range(bridge.threshold):
        start = 2 + 14 * signature
        for index_at in (start + 2, start + 6, start + 12):
            elsewhere = forge(proof, index_at, b"\0\0")
            refuse(bridge, "InvalidBridgeProof", reservation, copy, elsewhere)


def test_every_signature_is_checked_by_the_precompile(
    bridge: Bridge, reservation: Reservation
) -> None:
    """The precompile is told to check two; the third is made up."""
    proof = forge(bridge.proof(reservation), 0, b"\2")
    last_signature = 2 + (14 + 96) * bridge.threshold - 64
    refuse(bridge, "InvalidBridgeProof", reservation, forge(proof, last_signature, bytes(64)))


def test_keys_are_not_read_where_nothing_was_checked(
    bridge: Bridge, reservation: Reservation
) -> None:
    """An outsider signs; the guardians' keys stand where the program would look."""
    digest = bridge.attestation(reservation, PAID).digest()
    outsiders = [Keypair() for _ in range(3)]
    own = guardian_proof(
        [(key.pubkey(), bytes(key.sign_message(digest))) for key in outsiders], digest
    )
    data = bytearray(own.data)
    for place, guardian in enumerate(bridge.guardians[:3]):
        at = 44 + 96 * place
        data[at : at + 32] = bytes(guardian.pubkey())
        key_at = struct.pack("<H", len(own.data) + 32 * place)
        data[2 + 14 * place + 4 : 2 + 14 * place + 6] = key_at
    data += b"".join(bytes(key.pubkey()) for key in outsiders)
    refuse(bridge, "InvalidBridgeProof", reservation, with_data(own, bytes(data)))


def test_one_layout_is_accepted(bridge: Bridge, reservation: Reservation) -> None:
    proof = bridge.proof(reservation)
    data = bytes(proof.data)
    for wrong in (data + b"\0", forge(proof, 1, b"\1").data):
        refuse(bridge, "InvalidBridgeProof", reservation, with_data(proof, bytes(wrong)))
    digest = data[-32:]
    guardian = bridge.guardians[0]
    single = signature_instruction(
        ED25519, bytes(guardian.pubkey()), bytes(guardian.sign_message(digest)), digest
    )
    refuse(bridge, "InvalidBridgeProof", reservation, single, single, single)


def test_a_longer_message_with_the_right_start_is_refused(
    bridge: Bridge, reservation: Reservation
) -> None:
    message = bridge.attestation(reservation, PAID).digest() + b"!"
    signed = b"".join(
        bytes(key.pubkey()) + bytes(key.sign_message(message)) for key in bridge.guardians[:3]
    )
    offsets = b"".join(
        struct.pack("<7H", at + 32, 0xFFFF, at, 0xFFFF, 332, 33, 0xFFFF) for at in (44, 140, 236)
    )
    longer = with_data(bridge.proof(reservation), b"\3\0" + offsets + signed + message)
    refuse(bridge, "InvalidBridgeProof", reservation, longer)


def test_a_wrong_signature_never_reaches_the_program(
    bridge: Bridge, reservation: Reservation
) -> None:
    proof = bridge.proof(reservation)
    wrong = forge(proof, 44 + 32, bytes(64))
    unmoved = state(bridge, reservation)
    bridge.world.refuse("Custom(2)", wrong, bridge.match_order_with_thb(reservation))
    assert state(bridge, reservation) == unmoved
