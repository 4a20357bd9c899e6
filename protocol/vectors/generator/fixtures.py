"""Keys, records and frames that the cases are made of; the same bytes in every run.

Frames are built with cbor2 and not with the product's own writer, so that the two check each
other.
"""

from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner, key_id, low_s_signature
from gridtokenx_protocol.record import NO_PREVIOUS_HASH, ClockStatus, Flag, Record

Case = dict[str, Any]

GENESIS_HASH = bytes(range(32))
REGISTRY_PROGRAM = bytes(range(32, 64))
DEPLOYMENT = deployment_id(GENESIS_HASH, REGISTRY_PROGRAM)
METER_ID = bytes.fromhex("0123456789abcdef0123456789abcdef")
START_MS = 1_767_225_600_000
"""2026-01-01 00:00 UTC."""
QUARTER_HOUR_MS = 900_000

ED25519_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
ED25519_OTHER_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([2] * 32))
P256_KEY = ec.derive_private_key(3, ec.SECP256R1())
P256_OTHER_KEY = ec.derive_private_key(4, ec.SECP256R1())

L25519 = 2**252 + 27742317777372353535851937790883648493
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class FixedSigner(SoftwareSigner):
    """Signs ES256 after RFC 6979, so that vectors do not change from run to run."""

    def sign(self, message: bytes) -> bytes:
        """See ``Signer.sign``."""
        if isinstance(self._private_key, ec.EllipticCurvePrivateKey):
            algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
            return low_s_signature(self._private_key.sign(message, algorithm))
        return super().sign(message)


ED25519 = FixedSigner(ED25519_KEY)
ED25519_OTHER = FixedSigner(ED25519_OTHER_KEY)
P256 = FixedSigner(P256_KEY)
P256_OTHER = FixedSigner(P256_OTHER_KEY)

READING = Record(
    deployment=DEPLOYMENT,
    meter_id=METER_ID,
    sequence=42,
    time_ms=START_MS + 12_345,
    produced_mwh=4_116_000_000,
    consumed_mwh=2_056_000_250,
    surplus_mwh=12_000_000,
    active_power_mw=-1_500_000,
    voltage_mv=230_125,
    current_ma=-6_521,
    frequency_mhz=50_012,
    flags=ClockStatus.SYNCHRONISED,
    previous_hash=bytes(range(100, 132)),
)
BASELINE = Record(
    deployment=DEPLOYMENT,
    meter_id=METER_ID,
    sequence=1,
    time_ms=START_MS,
    produced_mwh=4_096_000_000,
    consumed_mwh=2_048_000_000,
    surplus_mwh=0,
    active_power_mw=0,
    voltage_mv=0,
    current_ma=0,
    frequency_mhz=0,
    flags=ClockStatus.SYNCHRONISED,
    previous_hash=NO_PREVIOUS_HASH,
)
SETTLEMENT = Record(
    deployment=DEPLOYMENT,
    meter_id=METER_ID,
    sequence=43,
    time_ms=START_MS + QUARTER_HOUR_MS,
    produced_mwh=4_116_000_000,
    consumed_mwh=2_056_000_250,
    surplus_mwh=12_000_000,
    active_power_mw=0,
    voltage_mv=0,
    current_ma=0,
    frequency_mhz=0,
    flags=Flag.SETTLEMENT | ClockStatus.SYNCHRONISED,
    previous_hash=bytes(range(60, 92)),
)


@dataclass(frozen=True)
class Frame:
    """A COSE_Sign1 message before it is encoded; change what a bad case gets wrong."""

    protected: bytes
    unprotected: dict[int, Any]
    payload: bytes
    signature: bytes

    def encode(self, tag: int = 18) -> bytes:
        """The tagged message in CBOR."""
        items = [self.protected, self.unprotected, self.payload, self.signature]
        return cbor2.dumps(cbor2.CBORTag(tag, items))


def sig_structure(protected: bytes, payload: bytes) -> bytes:
    """What is signed, by RFC 9052, 4.4."""
    return cbor2.dumps(["Signature1", protected, b"", payload])


def frame(
    payload: bytes, signer: SoftwareSigner = ED25519, cose_algorithm: int | None = None
) -> Frame:
    """A good message over ``payload``."""
    emitted = -8 if signer.algorithm is Algorithm.ED25519 else -7
    protected = cbor2.dumps({1: cose_algorithm or emitted})
    signature = signer.sign(sig_structure(protected, payload))
    return Frame(protected, {4: key_id(signer.public_key)}, payload, signature)


def patched(data: bytes, offset: int, replacement: bytes) -> bytes:
    """``data`` with other bytes at ``offset``."""
    return data[:offset] + replacement + data[offset + len(replacement) :]


def flipped(data: bytes, offset: int) -> bytes:
    """``data`` with one bit of the byte at ``offset`` another."""
    return patched(data, offset, bytes([data[offset] ^ 1]))
