"""Public keys and signatures in the one form that chain programs accept, and a software key.

OpenSSL accepts small-order Ed25519 points and high-S P-256 signatures; Solana's precompiles
refuse them (``verify_strict`` of ed25519-dalek; SIMD-0075). What is stored here must be
provable there, so these checks stand before any backend.
"""

import hashlib
from enum import IntEnum
from functools import lru_cache
from typing import Final, Literal, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gridtokenx_protocol.errors import BadKey, BadSignature

SIGNATURE_SIZE = 64
KEY_ID_SIZE = 8


class Algorithm(IntEnum):
    """Kind of a device key, numbered as in the registry program."""

    ED25519 = 0
    P256 = 1


PUBLIC_KEY_SIZE: Final = {Algorithm.ED25519: 32, Algorithm.P256: 33}

_P25519: Final = 2**255 - 19
_D25519: Final = -121665 * pow(121666, -1, _P25519) % _P25519
_L25519: Final = 2**252 + 27742317777372353535851937790883648493
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _P25519 - 1,
        int("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", 16),
        int("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16),
    }
)
"""y of the eight points of order 1, 2, 4 and 8; they verify signatures over any message."""
_L25519_TOP_BYTE: Final = _L25519 >> 248
_DOUBTFUL_TOP_BYTES: Final = frozenset(y >> 248 for y in (*_SMALL_ORDER_Y, _P25519))
"""Of an R that may be of small order or not canonical."""
_N256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Signer(Protocol):
    """Whoever holds a private key: a file, a chip, a token."""

    @property
    def algorithm(self) -> Algorithm:
        """Kind of the key."""
        ...

    @property
    def public_key(self) -> bytes:
        """Ed25519: 32 bytes; P-256: 33 bytes, compressed."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign; 64 raw bytes. ES256: over the SHA-256 of the message, low-S r then s."""
        ...


def key_id(public_key: bytes) -> bytes:
    """First 8 bytes of the SHA-256 of a public key: the ``kid`` of its messages."""
    return hashlib.sha256(public_key).digest()[:KEY_ID_SIZE]


def check_public_key(algorithm: Algorithm, public_key: bytes) -> None:
    """Refuse a public key that no chain program could check signatures of.

    Raises:
        BadKey: Wrong length, not on the curve, a small-order or non-canonical Ed25519 point,
            or a P-256 point that is not compressed.
    """
    load_public_key(algorithm, public_key)


@lru_cache(maxsize=4096)
def load_public_key(
    algorithm: Algorithm, public_key: bytes
) -> ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey:
    """The checked key as cryptography's object; see ``check_public_key``."""
    if len(public_key) != PUBLIC_KEY_SIZE[algorithm]:
        raise BadKey(
            f"a public key of {algorithm.name} has {PUBLIC_KEY_SIZE[algorithm]} bytes,"
            f" not {len(public_key)}"
        )
    if algorithm is Algorithm.ED25519:
        _check_ed25519_point(public_key)
        return ed25519.Ed25519PublicKey.from_public_bytes(public_key)
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    except ValueError as error:
        raise BadKey("the P-256 key is not a compressed point of the curve") from error


def check_low_s(signature: bytes) -> None:
    """Refuse an ES256 signature that is out of range or the malleable twin of another.

    Raises:
        BadSignature: Not 0 < r < n and 0 < s <= n / 2.
    """
    r, s = _halves(signature, "big")
    if not (0 < r < _N256 and 0 < s <= _N256 // 2):
        raise BadSignature("the ES256 signature is not in low-S form")


def check_signature_form(algorithm: Algorithm, signature: bytes) -> None:
    """Refuse a signature that some backends accept and the chain's precompiles do not.

    Raises:
        BadSignature: Not 64 bytes; ES256 not low-S; Ed25519 with a small-order or
            non-canonical R, or with S not below the group order.
    """
    if algorithm is Algorithm.P256:
        check_low_s(signature)
        return
    if (
        len(signature) == SIGNATURE_SIZE
        and signature[63] < _L25519_TOP_BYTE
        and signature[31] & 0x7F not in _DOUBTFUL_TOP_BYTES
    ):
        return  # nearly all: S is below the order, and R none of the forbidden points
    r, s = _halves(signature, "little")
    y = r & (2**255 - 1)
    if s >= _L25519 or y >= _P25519 or y in _SMALL_ORDER_Y:
        raise BadSignature("the Ed25519 signature is not in its canonical form")


def low_s_signature(der_signature: bytes) -> bytes:
    """Raw low-S r then s (64 bytes) from a DER signature, as hardware and OpenSSL make it."""
    r, s = decode_dss_signature(der_signature)
    return r.to_bytes(32, "big") + min(s, _N256 - s).to_bytes(32, "big")


class SoftwareSigner:
    """A ``Signer`` over a private key in memory."""

    def __init__(self, private_key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._private_key = private_key
        if isinstance(private_key, ed25519.Ed25519PrivateKey):
            self.algorithm = Algorithm.ED25519
            self.public_key = private_key.public_key().public_bytes_raw()
        else:
            self.algorithm = Algorithm.P256
            self.public_key = private_key.public_key().public_bytes(
                Encoding.X962, PublicFormat.CompressedPoint
            )
        check_public_key(self.algorithm, self.public_key)

    def sign(self, message: bytes) -> bytes:
        """Sign; see ``Signer.sign``."""
        if isinstance(self._private_key, ed25519.Ed25519PrivateKey):
            return self._private_key.sign(message)
        return low_s_signature(self._private_key.sign(message, ec.ECDSA(hashes.SHA256())))


def _halves(signature: bytes, byteorder: Literal["big", "little"]) -> tuple[int, int]:
    if len(signature) != SIGNATURE_SIZE:
        raise BadSignature(f"a signature has {SIGNATURE_SIZE} bytes, not {len(signature)}")
    return int.from_bytes(signature[:32], byteorder), int.from_bytes(signature[32:], byteorder)


def _check_ed25519_point(public_key: bytes) -> None:
    """RFC 8032, 5.1.3, and not of small order."""
    y = int.from_bytes(public_key, "little") & (2**255 - 1)
    if y >= _P25519:
        raise BadKey("the Ed25519 key is not in its canonical form")
    if y in _SMALL_ORDER_Y:
        raise BadKey("the Ed25519 key is a point of small order")
    x_squared = (y * y - 1) * pow(_D25519 * y * y + 1, -1, _P25519) % _P25519
    if pow(x_squared, (_P25519 - 1) // 2, _P25519) != 1:
        raise BadKey("the Ed25519 key is not a point of the curve")
