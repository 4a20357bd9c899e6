"""The proof that a device signed: what every instruction that wants one accepts."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from grid import Caller, Grid
from harness import P256_ORDER, Device, message, p256_device
from meters import Stewards, ordinary_reading, replaced_reading
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from gridtokenx_programs import signature_instruction

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
INSTRUCTIONS_SYSVAR = Pubkey.from_string("Sysvar1nstructions1111111111111111111111111")


@dataclass
class Claim:
    """A record, the device that may sign it, and the instruction that wants the proof."""

    grid: Grid
    device: Device
    record: bytes
    instruction: Instruction
    signers: Sequence[Keypair]

    @property
    def signed(self) -> bytes:
        """What an honest device signs."""
        return message(self.record, -8 if self.device.algorithm == 0 else -7)

    @property
    def proof(self) -> Instruction:
        """The honest proof."""
        return self.device.proof(self.record)

    def accept(self, *instructions: Instruction) -> None:
        self.grid.world.send(*instructions, signers=self.signers)

    def refuse(self, error: str, *instructions: Instruction) -> None:
        self.grid.world.refuse(error, *instructions, signers=self.signers)
        self.accept(self.proof, self.instruction)  # nothing but the proof was wrong

    def code_of(self, error: str) -> int:
        """Number of an error of the program that wants the proof."""
        program = self.grid.world.programs[self.instruction.program_id]
        return next(code for code, item in program.idl.errors.items() if item.name == error)

    def proof_of(self, signed: bytes) -> Instruction:
        """A proof that the device signed anything at all."""
        return signature_instruction(
            self.device.algorithm, self.device.public_key, self.device.sign(signed), signed
        )


def claim_of(grid: Grid, kind: str, device: Device) -> Claim:
    if kind == "settle_meter":
        site = grid.site(device)
        return Claim(grid, device, site.reading(), site.instruction(), [])
    if kind == "rebase_meter":
        site = grid.site(device)
        instruction = Stewards(grid).rebase_meter(site)
        return Claim(grid, device, replaced_reading(site), instruction, [grid.registrar])
    if kind == "rotate_key":
        site = grid.site()
        instruction = Stewards(grid).rotate_key(site)
        signers = [grid.registrar, site.owner]
        return Claim(grid, device, ordinary_reading(site, 6), instruction, signers)
    owner, meter_id = grid.user(), os.urandom(16)
    instruction = grid.register_meter(owner.pubkey(), meter_id)
    return Claim(grid, device, grid.baseline(meter_id), instruction, [grid.registrar, owner])


@pytest.fixture(params=["register_meter", "rotate_key", "settle_meter", "rebase_meter"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["ed25519", "p256"])
def claim(grid: Grid, kind: str, request: pytest.FixtureRequest) -> Claim:
    return claim_of(grid, kind, p256_device() if request.param == "p256" else Device())


@pytest.fixture
def ed25519_claim(grid: Grid, kind: str) -> Claim:
    return claim_of(grid, kind, Device())


@pytest.fixture
def p256_claim(grid: Grid, kind: str) -> Claim:
    return claim_of(grid, kind, p256_device())


def patched(instruction: Instruction, offset: int, data: bytes) -> Instruction:
    whole = bytearray(instruction.data)
    whole[offset : offset + len(data)] = data
    return Instruction(instruction.program_id, bytes(whole), [])


def noise(claim: Claim) -> Instruction:
    payer = claim.grid.world.payer.pubkey()
    return transfer(TransferParams(from_pubkey=payer, to_pubkey=payer, lamports=1))


def test_the_proof_is_directly_before(claim: Claim) -> None:
    claim.accept(noise(claim), claim.proof, claim.instruction, noise(claim))


def test_without_a_proof(claim: Claim) -> None:
    claim.refuse("MissingProof", claim.instruction)


def test_something_else_is_before(claim: Claim) -> None:
    claim.refuse("MissingProof", noise(claim), claim.instruction)


def test_something_is_between(claim: Claim) -> None:
    claim.refuse("MissingProof", claim.proof, noise(claim), claim.instruction)


def test_the_proof_is_after(claim: Claim) -> None:
    claim.refuse("MissingProof", noise(claim), claim.instruction, claim.proof)


def test_one_proof_serves_once(claim: Claim, kind: str) -> None:
    """The instruction before the second is the first, and not the proof."""
    again = "MeterAlreadyRegistered" if kind == "register_meter" else "MissingProof"
    claim.refuse(again, claim.proof, claim.instruction, claim.instruction)


def test_another_program_says_the_same(claim: Claim) -> None:
    """Data like a precompile's, but to a program that checks nothing."""
    memo = Instruction(claim.grid.world.trading.id, bytes(claim.proof.data), [])
    world = claim.grid.world
    world.refuse("UnknownInstruction", memo, claim.instruction, signers=claim.signers)
    system = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
    harmless = Instruction(system, struct.pack("<BI", 2, 1_400_000), [])
    claim.refuse("MissingProof", harmless, claim.instruction)


@pytest.mark.forged
def test_a_fake_sysvar(claim: Claim) -> None:
    """The account is laid out as the sysvar would be with an honest proof in it."""
    proof = claim.device.proof(claim.record)
    first = struct.pack("<H", 0) + bytes(proof.program_id)
    first += struct.pack("<H", len(proof.data)) + bytes(proof.data)
    data = struct.pack("<HHH", 2, 6, 6 + len(first)) + first + struct.pack("<H", 1)
    fake = Pubkey.new_unique()
    world = claim.grid.world
    for owner in (
        world.registry.id,
        Pubkey.from_string("Sysvar1111111111111111111111111111111111111"),
    ):
        world.put(fake, owner, data)
        metas = [
            AccountMeta(fake, is_signer=False, is_writable=False)
            if meta.pubkey == INSTRUCTIONS_SYSVAR
            else meta
            for meta in claim.instruction.accounts
        ]
        forged = Instruction(claim.instruction.program_id, bytes(claim.instruction.data), metas)
        world.refuse("WrongSysvar", forged, signers=claim.signers)
    claim.accept(claim.proof, claim.instruction)


def test_called_by_another_program(claim: Claim, caller: Caller) -> None:
    """The instruction before the caller's was not meant for the one that it calls."""
    code = claim.code_of("NotTopLevel")
    claim.refuse(f"Custom({code})", claim.proof, caller.call(claim.instruction))


@pytest.mark.parametrize("index_at", [4, 8, 14], ids=["signature", "key", "message"])
@pytest.mark.parametrize("in_place", ["forged", "honest"])
def test_a_part_lies_in_another_instruction(claim: Claim, index_at: int, in_place: str) -> None:
    """The runtime checks honest bytes in one instruction; ours reads others, forged, in place."""
    honest = claim.proof
    forger = Device(claim.device.algorithm)
    forged = {
        4: patched(honest, 16 + len(claim.device.public_key), forger.sign(claim.signed)),
        8: patched(honest, 16, forger.public_key),
        14: patched(honest, len(honest.data) - 120 + 40, struct.pack("<Q", 2**40)),
    }[index_at]
    pointing = patched(forged if in_place == "forged" else honest, index_at, b"\0\0")
    claim.refuse("MalformedProof", honest, pointing, claim.instruction)


@pytest.mark.parametrize("index_at", [4, 8, 14], ids=["signature", "key", "message"])
def test_an_index_that_means_itself_in_other_words(claim: Claim, index_at: int) -> None:
    claim.refuse("MalformedProof", patched(claim.proof, index_at, b"\0\0"), claim.instruction)


def test_two_signatures(claim: Claim) -> None:
    """The first offsets are another message's; the bytes at the usual places are forged."""
    device, signed = claim.device, claim.signed
    parts = device.public_key + device.sign(signed) + signed
    start = 2 + 14 + 14
    key = len(device.public_key)
    offsets = struct.pack(
        "<7H", start + key, 0xFFFF, start, 0xFFFF, start + key + 64, len(signed), 0xFFFF
    )
    double = Instruction(claim.proof.program_id, b"\2\0" + offsets * 2 + parts, [])
    claim.refuse("MalformedProof", double, claim.instruction)


def test_parts_in_another_order(claim: Claim) -> None:
    device, signed = claim.device, claim.signed
    key = len(device.public_key)
    offsets = struct.pack("<7H", 16, 0xFFFF, 80, 0xFFFF, 80 + key, len(signed), 0xFFFF)
    data = b"\1\0" + offsets + device.sign(signed) + device.public_key + signed
    moved = Instruction(claim.proof.program_id, data, [])
    claim.refuse("MalformedProof", moved, claim.instruction)


def forged_signature(device: Device, signed: bytes) -> bytes:
    """R and S with R the device's own public key: S is (1 + h) times its secret scalar."""
    digest = hashlib.sha512(device.secret_seed).digest()[:32]
    scalar = int.from_bytes(digest, "little") & (2**254 - 8) | 2**254
    point = device.public_key
    challenge = int.from_bytes(hashlib.sha512(point + point + signed).digest(), "little")
    return point + ((1 + challenge) * scalar % ED25519_ORDER).to_bytes(32, "little")


def laid_out(claim: Claim, signature_at: int, key_at: int, parts: bytes) -> Instruction:
    offsets = struct.pack(
        "<7H", signature_at, 0xFFFF, key_at, 0xFFFF, 112, len(claim.signed), 0xFFFF
    )
    return Instruction(claim.proof.program_id, b"\1\0" + offsets + parts + claim.signed, [])


def test_a_forger_puts_a_key_where_the_signature_is(ed25519_claim: Claim) -> None:
    """The runtime finds its key in the first half of the signature; the meter's lies in place."""
    claim, forger = ed25519_claim, Device()
    signature = forged_signature(forger, claim.signed)
    forged = laid_out(claim, 48, 48, claim.device.public_key + signature)
    claim.refuse("MalformedProof", forged, claim.instruction)


def test_the_signature_lies_elsewhere(ed25519_claim: Claim) -> None:
    """The runtime finds a good one that starts with the key; what lies in its place is none."""
    claim = ed25519_claim
    signature = forged_signature(claim.device, claim.signed)
    moved = laid_out(claim, 16, 16, signature + bytes(32))
    claim.refuse("MalformedProof", moved, claim.instruction)


def test_a_part_of_the_message_is_signed(claim: Claim) -> None:
    """The device signed all but the last byte, and the header says so; the byte is forged."""
    part = claim.signed[:-1]
    signature = claim.device.sign(part)
    whole = signature_instruction(
        claim.device.algorithm, claim.device.public_key, signature, claim.signed
    )
    forged = patched(whole, 12, struct.pack("<H", len(part)))
    claim.refuse("MalformedProof", forged, claim.instruction)


def test_padding_is_zero(claim: Claim) -> None:
    claim.refuse("MalformedProof", patched(claim.proof, 1, b"\1"), claim.instruction)


def test_bytes_follow(claim: Claim) -> None:
    longer = Instruction(claim.proof.program_id, bytes(claim.proof.data) + b"\0", [])
    claim.refuse("MalformedProof", longer, claim.instruction)


def test_a_record_with_extras(claim: Claim) -> None:
    claim.refuse("MalformedProof", claim.proof_of(claim.signed + b"\xa0"), claim.instruction)


def test_a_record_cut_short(claim: Claim) -> None:
    claim.refuse("MalformedProof", claim.proof_of(claim.signed[:-1]), claim.instruction)


@pytest.mark.parametrize("position", [0, 1, 2, 11, 12, 13, 14, 15, 16, 17, 18])
def test_each_byte_of_the_prefix_counts(claim: Claim, position: int) -> None:
    changed = bytearray(claim.signed)
    changed[position] ^= 1
    claim.refuse("NotReading", claim.proof_of(bytes(changed)), claim.instruction)


@pytest.mark.parametrize("magic", [b"GTX2", b"gTX1", bytes(4)])
def test_a_record_of_another_format(claim: Claim, magic: bytes) -> None:
    changed = claim.signed[:19] + magic + claim.signed[23:]
    claim.refuse("NotReading", claim.proof_of(changed), claim.instruction)


@pytest.mark.parametrize("cose_algorithm", [-8, -19])
def test_ed25519_has_two_names(ed25519_claim: Claim, cose_algorithm: int) -> None:
    claim = ed25519_claim
    claim.accept(claim.device.proof(claim.record, cose_algorithm), claim.instruction)


@pytest.mark.parametrize("cose_algorithm", [-7, -9])
def test_p256_has_two_names(p256_claim: Claim, cose_algorithm: int) -> None:
    claim = p256_claim
    claim.accept(claim.device.proof(claim.record, cose_algorithm), claim.instruction)


@pytest.mark.parametrize("cose_algorithm", [-7, -9, -10, -18, -20, -1])
def test_a_name_that_is_not_ed25519(ed25519_claim: Claim, cose_algorithm: int) -> None:
    claim = ed25519_claim
    proof = claim.device.proof(claim.record, cose_algorithm)
    claim.refuse("NotReading", proof, claim.instruction)


@pytest.mark.parametrize("cose_algorithm", [-8, -19, -6, -10])
def test_a_name_that_is_not_p256(p256_claim: Claim, cose_algorithm: int) -> None:
    claim = p256_claim
    proof = claim.device.proof(claim.record, cose_algorithm)
    claim.refuse("NotReading", proof, claim.instruction)


def test_a_signature_of_something_else(claim: Claim) -> None:
    """The runtime itself refuses this; our programs rely on it."""
    wrong = signature_instruction(
        claim.device.algorithm,
        claim.device.public_key,
        claim.device.sign(claim.signed[:-1] + b"\xff"),
        claim.signed,
    )
    claim.refuse("Custom(2)", wrong, claim.instruction)


def test_a_high_s(p256_claim: Claim) -> None:
    claim = p256_claim
    signature = claim.device.sign(claim.signed)
    s = P256_ORDER - int.from_bytes(signature[32:], "big")
    other = signature[:32] + s.to_bytes(32, "big")
    high = signature_instruction(1, claim.device.public_key, other, claim.signed)
    claim.refuse("Custom(2)", high, claim.instruction)


def test_an_s_beyond_the_order(ed25519_claim: Claim) -> None:
    """Another S for the same reading, which anybody can make of the first."""
    claim = ed25519_claim
    signature = claim.device.sign(claim.signed)
    s = int.from_bytes(signature[32:], "little") + ED25519_ORDER
    other = signature[:32] + s.to_bytes(32, "little")
    beyond = signature_instruction(0, claim.device.public_key, other, claim.signed)
    claim.refuse("Custom(2)", beyond, claim.instruction)


@pytest.mark.parametrize(
    "key", [b"\1" + bytes(31), bytes(32), b"\xec" + b"\xff" * 30 + b"\x7f"], ids=["1", "4", "2"]
)
def test_a_key_of_small_order(ed25519_claim: Claim, key: bytes) -> None:
    """R the neutral point and S zero satisfy a lax check for many messages, whoever signs."""
    claim = ed25519_claim
    forged = signature_instruction(0, key, b"\1" + bytes(63), claim.signed)
    claim.refuse("Custom(2)", forged, claim.instruction)
