"""What guardians sign about a payment in baht, and the proof that the trading program accepts."""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_programs.errors import BadValueError
from gridtokenx_programs.precompiles import ED25519_PROGRAM

PAID = b"GTXPAID1"
UNPAID = b"GTXUNPD1"

_COUNT_SIZE = 2
_OFFSETS_SIZE = 14
_KEY_SIZE = 32
_SIGNATURE_SIZE = 64
_DIGEST_SIZE = 32
_THIS_INSTRUCTION = 0xFFFF


@dataclass(frozen=True, slots=True)
class Attestation:
    """What is said of one reservation, by the guardians of one epoch, for one market.

    Attributes:
        kind: `PAID` or `UNPAID`.
        deployment: the 4 bytes of the registry's configuration.
        program: the trading program.
        market: its market.
        guardian_epoch: epoch of the set in office when the attestation is used.
        reservation: address of the reservation.
        terms: the reservation's account, as the trading program's IDL decodes it.
    """

    kind: bytes
    deployment: bytes
    program: Pubkey
    market: Pubkey
    guardian_epoch: int
    reservation: Pubkey
    terms: Mapping[str, Any]

    def encode(self) -> bytes:
        """The 272 bytes that the program makes of it; integers are little-endian."""
        terms = self.terms
        parts = [
            self.kind,
            self.deployment,
            bytes(self.program),
            bytes(self.market),
            struct.pack("<QQ", self.guardian_epoch, terms["evm_chain_id"]),
            terms["bridge"],
            bytes(self.reservation),
            *(bytes(terms[name]) for name in ("order", "buyer", "seller")),
            struct.pack(
                "<QQQq",
                terms["amount_mwh"],
                terms["payment_micro_grx"],
                terms["payment_micro_thbc"],
                terms["pay_deadline"],
            ),
        ]
        return b"".join(parts)

    def digest(self) -> bytes:
        """The 32 bytes that guardians sign."""
        return hashlib.sha256(self.encode()).digest()


def guardian_proof(signatures: Sequence[tuple[Pubkey, bytes]], digest: bytes) -> Instruction:
    """The instruction that makes the chain check guardians' signatures of one digest.

    It goes directly before `match_order_with_thb` or `release_reservation`.

    Args:
        signatures: guardian and signature, in the order of the guardian set, as many as its
            threshold says: the program accepts neither fewer nor more.
        digest: what they signed.

    Raises:
        BadValueError: a signature or digest of another size.
    """
    if len(digest) != _DIGEST_SIZE:
        raise BadValueError(f"the digest must be {_DIGEST_SIZE} bytes, not {len(digest)}")
    if any(len(signature) != _SIGNATURE_SIZE for _, signature in signatures):
        raise BadValueError(f"each signature must be {_SIGNATURE_SIZE} bytes")
    count, signed_size = len(signatures), _KEY_SIZE + _SIGNATURE_SIZE
    keys_at = _COUNT_SIZE + _OFFSETS_SIZE * count
    message_at = keys_at + signed_size * count
    offsets = b"".join(
        struct.pack(
            "<7H",
            key_at + _KEY_SIZE, _THIS_INSTRUCTION,
            key_at, _THIS_INSTRUCTION,
            message_at, _DIGEST_SIZE, _THIS_INSTRUCTION,
        )
        for key_at in range(keys_at, message_at, signed_size)
    )  # fmt: skip
    signed = b"".join(bytes(key) + signature for key, signature in signatures)
    return Instruction(ED25519_PROGRAM, bytes([count, 0]) + offsets + signed + digest, [])
