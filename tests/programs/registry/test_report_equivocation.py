"""registry: report_equivocation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pytest
from grid import Caller, Site
from harness import SETTLEMENT, SYNCHRONISED, Device, message, p256_device
from meters import Stewards, message_of_two, ordinary_reading, proof_of_two
from solders.instruction import Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from gridtokenx_programs import signature_instruction


@dataclass
class Case:
    """A meter whose device signed two different readings as its sixth."""

    stewards: Stewards
    site: Site

    def reading(self, sequence: int = 6, **changed: Any) -> bytes:
        return ordinary_reading(self.site, sequence, **changed)

    @property
    def other(self) -> bytes:
        return self.reading(consumed_mwh=1)

    @property
    def instruction(self) -> Instruction:
        return self.stewards.report_equivocation(self.site)

    def accept(self, *proofs: Instruction) -> None:
        self.stewards.world.send(*proofs, self.instruction)
        assert self.stewards.meter(self.site)["status"] == "Suspended"

    def refuse(self, error: str, *proofs: Instruction) -> None:
        before = self.stewards.meter(self.site)
        self.stewards.world.refuse(error, *proofs, self.instruction)
        assert self.stewards.meter(self.site) == before


@pytest.fixture
def case(stewards: Stewards, site: Site) -> Case:
    return Case(stewards, site)


@pytest.mark.parametrize("device", [Device(), p256_device()], ids=["ed25519", "p256"])
def test_anybody_reports_and_the_meter_is_suspended(stewards: Stewards, device: Device) -> None:
    site = stewards.grid.site(device)
    case, before = Case(stewards, site), stewards.meter(site)
    outcome = stewards.world.send(
        device.proof(case.reading()), device.proof(case.other), case.instruction
    )
    assert stewards.meter(site) == before | {"status": "Suspended"}
    [event] = outcome.events
    assert event.name == "EquivocationReported"
    assert event.data == device.device_key | {
        "sequence": 5,
        "meter_id": site.meter_id,
        "reading_sequence": 6,
        "first_record_hash": hashlib.sha256(case.reading()).digest(),
        "second_record_hash": hashlib.sha256(case.other).digest(),
        "timestamp": stewards.world.sent_at,
    }
    site.refuse("MeterNotActive", site.reading())


def test_readings_of_any_kind_contradict_each_other(case: Case) -> None:
    case.accept(
        case.site.device.proof(case.reading(flags=SETTLEMENT | SYNCHRONISED)),
        case.site.device.proof(case.reading(flags=0, load=b"\1" * 20, time_ms=1)),
    )


@pytest.mark.parametrize("first_at", [0, 1, None])
@pytest.mark.parametrize("second_at", [0, 1, None])
def test_in_messages_of_two(case: Case, first_at: int | None, second_at: int | None) -> None:
    def proof(reading: bytes, position: int | None, beside: int) -> Instruction:
        if position is None:
            return case.site.device.proof(reading)
        pair = [case.reading(beside), case.reading(beside)]
        pair[position] = reading
        return proof_of_two(case.site.device, *pair)

    case.accept(proof(case.reading(), first_at, 7), proof(case.other, second_at, 8))


def test_two_messages_of_two_fit_a_legacy_transaction(case: Case) -> None:
    proofs = [
        proof_of_two(case.site.device, case.reading(5), case.reading()),
        proof_of_two(case.site.device, case.reading(5), case.other),
    ]
    payer = case.stewards.world.payer.pubkey()
    size = 1 + 64 + len(bytes(Message([*proofs, case.instruction], payer)))
    assert size <= 1232
    case.accept(*proofs)


def test_the_same_reading_twice(case: Case) -> None:
    proof = case.site.device.proof(case.reading())
    case.refuse("NoEquivocation", proof, proof)
    packed = proof_of_two(case.site.device, case.reading(5), case.reading())
    case.refuse("NoEquivocation", proof, packed)


def test_the_same_reading_under_two_signatures(stewards: Stewards) -> None:
    """A key can sign one reading in many ways: that contradicts nothing."""
    case = Case(stewards, stewards.grid.site(p256_device()))
    first, second = (case.site.device.proof(case.reading()) for _ in range(2))
    assert bytes(first.data) != bytes(second.data)
    case.refuse("NoEquivocation", first, second)


def test_readings_with_different_sequences(case: Case) -> None:
    device = case.site.device
    case.refuse("NoEquivocation", device.proof(case.reading()), device.proof(case.reading(7)))


def test_within_one_message_is_not_between_two(case: Case) -> None:
    double = proof_of_two(case.site.device, case.reading(), case.other)
    case.refuse("NoEquivocation", double, case.site.device.proof(case.reading(9)))


def test_anothers_key(case: Case) -> None:
    honest, forger = case.site.device.proof(case.reading()), Device()
    case.refuse("NoEquivocation", honest, forger.proof(case.other))
    case.refuse("NoEquivocation", forger.proof(case.other), honest)
    case.refuse("NoEquivocation", forger.proof(case.reading()), forger.proof(case.other))


@pytest.mark.parametrize("changed", [{"meter_id": bytes(16)}, {"deployment": b"else"}])
def test_readings_of_another_meter_or_deployment(case: Case, changed: dict[str, bytes]) -> None:
    """The same key may serve elsewhere: what it signed there contradicts nothing here."""
    device, here = case.site.device, case.site.device.proof(case.reading())
    case.refuse("NoEquivocation", here, device.proof(case.reading(**changed)))
    both = [device.proof(case.reading(consumed_mwh=n, **changed)) for n in range(2)]
    case.refuse("NoEquivocation", *both)


def test_the_key_before_is_reported_too(case: Case) -> None:
    old = case.stewards.rotate(case.site, 9)
    late = [case.reading(9), case.reading(9, consumed_mwh=1)]
    case.refuse("NoEquivocation", *(old.proof(reading) for reading in late))
    early = [case.site.device.proof(reading) for reading in (case.reading(), case.other)]
    case.refuse("NoEquivocation", *early)
    case.accept(old.proof(case.reading()), old.proof(case.other))


def test_a_report_counts_once(case: Case) -> None:
    """After the rotation that lifts the suspension, the same evidence suspends nothing."""
    device = case.site.device
    proofs = [device.proof(case.reading()), device.proof(case.other)]
    case.accept(*proofs)
    case.refuse("MeterNotActive", *proofs)
    case.stewards.rotate(case.site, 9)
    case.refuse("NoEquivocation", *proofs)


def test_a_revoked_meter_stays_revoked(case: Case) -> None:
    case.stewards.revoke(case.site)
    device = case.site.device
    case.refuse("MeterRevoked", device.proof(case.reading()), device.proof(case.other))


def test_both_proofs_are_directly_before(case: Case) -> None:
    device = case.site.device
    first, second = device.proof(case.reading()), device.proof(case.other)
    payer = case.stewards.world.payer.pubkey()
    noise = transfer(TransferParams(from_pubkey=payer, to_pubkey=payer, lamports=1))
    case.refuse("MissingProof")
    case.refuse("MissingProof", first)
    case.refuse("MissingProof", noise, first)
    case.refuse("MissingProof", first, noise, second)
    case.refuse("MissingProof", first, second, noise)
    case.accept(noise, first, second)


def sized(device: Device, signed: bytes) -> Instruction:
    return signature_instruction(device.algorithm, device.public_key, device.sign(signed), signed)


def test_three_records_or_extras_are_not_taken(case: Case) -> None:
    device, honest = case.site.device, case.site.device.proof(case.reading())
    for signed in (
        message_of_two(case.other, case.reading(7)) + case.reading(8),
        message_of_two(case.other, case.reading(7)) + b"\xa0",
        message(case.other) + b"\xa0",
        message(case.other)[:-1],
    ):
        case.refuse("MalformedProof", honest, sized(device, signed))
        case.refuse("MalformedProof", sized(device, signed), honest)


@pytest.mark.parametrize("position", [0, 1, 2, 11, 12, 13, 14, 15, 16, 17, 18])
def test_each_byte_of_the_prefix_counts(case: Case, position: int) -> None:
    honest = case.site.device.proof(case.reading(5))
    signed = bytearray(message_of_two(case.reading(5, consumed_mwh=1), case.other))
    signed[position] ^= 1
    case.refuse("NotReading", honest, sized(case.site.device, bytes(signed)))


def test_a_second_record_of_another_format(case: Case) -> None:
    honest = case.site.device.proof(case.reading())
    packed = proof_of_two(case.site.device, case.other, case.reading(7, magic=b"GTX2"))
    case.refuse("NotReading", honest, packed)


@pytest.mark.parametrize("forged_first", [True, False])
def test_the_message_lies_in_another_instruction(case: Case, forged_first: bool) -> None:
    """The runtime checks the honest message again; the one in place is forged."""
    honest = case.site.device.proof(case.reading())
    forged = bytearray(honest.data)
    forged[-len(case.other) :] = case.other
    forged[14:16] = b"\0\0"
    pointing = Instruction(honest.program_id, bytes(forged), [])
    proofs = [honest, pointing, honest] if forged_first else [honest, pointing]
    case.refuse("MalformedProof", *proofs)


@pytest.mark.forged
def test_a_fake_sysvar(case: Case) -> None:
    world, fake = case.stewards.world, Pubkey.new_unique()
    world.put(fake, world.registry.id, bytes(500))
    instruction = case.stewards.report_equivocation(case.site, instructions_sysvar=fake)
    world.refuse("WrongSysvar", instruction)


def test_called_by_another_program(case: Case) -> None:
    device, world = case.site.device, case.stewards.world
    code = next(
        code for code, item in world.registry.idl.errors.items() if item.name == "NotTopLevel"
    )
    proofs = [device.proof(case.reading()), device.proof(case.other)]
    world.refuse(f"Custom({code})", *proofs, Caller(world).call(case.instruction))
