"""A meter's side of the programs' tests.

`Device` signs readings as a meter does; `record` and `message` make the 120 and 139 bytes that go
on chain.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_programs.precompiles import ED25519, P256, signature_instruction

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

SETTLEMENT = 1 << 2
SYNCHRONISED = 3


class Device:
    """A meter device's signing key: Ed25519, or P-256 with low-S signatures."""

    def __init__(self, algorithm: int = ED25519) -> None:
        self.algorithm = algorithm
        self._ed25519 = Ed25519PrivateKey.generate()
        self._p256 = ec.generate_private_key(ec.SECP256R1())
        self.public_key = (
            self._ed25519.public_key().public_bytes_raw()
            if algorithm == ED25519
            else self._p256.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        )

    @property
    def secret_seed(self) -> bytes:
        """The Ed25519 key's seed, of which forgers of their own keys know more than they should."""
        return self._ed25519.private_bytes_raw()

    @property
    def device_key(self) -> dict[str, Any]:
        """The key as the registry's `DeviceKey`."""
        return {"algorithm": self.algorithm, "public_key": self.public_key.ljust(33, b"\0")}

    def sign(self, message: bytes) -> bytes:
        """64 bytes of signature."""
        if self.algorithm == ED25519:
            return self._ed25519.sign(message)
        r, s = decode_dss_signature(self._p256.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")

    def proof(self, record_bytes: bytes, cose_algorithm: int | None = None) -> Instruction:
        """The precompile instruction that proves this device signed a record."""
        signed = message(record_bytes, cose_algorithm or (-8 if self.algorithm == ED25519 else -7))
        return signature_instruction(self.algorithm, self.public_key, self.sign(signed), signed)


def p256_device() -> Device:
    """A device with a P-256 key."""
    return Device(P256)


def deployment_id(genesis_hash: bytes, registry_program: Pubkey) -> bytes:
    """The 4 bytes that bind a record to one deployment."""
    return hashlib.sha256(genesis_hash + bytes(registry_program)).digest()[:4]


def record(
    deployment: bytes,
    meter_id: bytes,
    sequence: int,
    time_ms: int,
    *,
    produced_mwh: int = 0,
    consumed_mwh: int = 0,
    surplus_mwh: int = 0,
    flags: int = SETTLEMENT | SYNCHRONISED,
    previous_hash: bytes = bytes(32),
    load: bytes = bytes(20),
    magic: bytes = b"GTX1",
) -> bytes:
    """A 120-byte record; `load` is bytes 64 to 84 (power, voltage, current, frequency)."""
    return b"".join(
        [
            magic, deployment, meter_id,
            struct.pack("<5Q", sequence, time_ms, produced_mwh, consumed_mwh, surplus_mwh),
            load, struct.pack("<I", flags), previous_hash,
        ]
    )  # fmt: skip


def message(record_bytes: bytes, cose_algorithm: int = -8) -> bytes:
    """The 139 bytes that a device signs for a single record (COSE's Sig_structure)."""
    algorithm = bytes([0x20 - 1 - cose_algorithm])
    return b"\x84\x6aSignature1\x43\xa1\x01" + algorithm + b"\x40\x58\x78" + record_bytes
