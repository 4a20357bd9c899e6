"""COSE_Sign1 (RFC 9052) in exactly one byte form, signed and checked without a CBOR library.

A message is ``18([h'a1 01 alg', {4: kid}, payload, signature])``: the protected header names
the algorithm alone, the unprotected header the key id alone.
"""

from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gridtokenx_protocol.errors import BadSignature, Malformed, UnknownAlgorithm
from gridtokenx_protocol.keys import (
    KEY_ID_SIZE,
    SIGNATURE_SIZE,
    Algorithm,
    Signer,
    check_signature_form,
    key_id,
    load_public_key,
)
from gridtokenx_protocol.record import RECORD_SIZE

COSE_ALGORITHM: Final = {Algorithm.ED25519: -8, Algorithm.P256: -7}
"""The algorithm id that is emitted: EdDSA and ES256 (RFC 9053)."""
ALGORITHM_OF_COSE: Final = {
    -8: Algorithm.ED25519,
    -19: Algorithm.ED25519,
    -7: Algorithm.P256,
    -9: Algorithm.P256,
}
"""The algorithm ids that are accepted: also Ed25519 and ESP256 (RFC 9864)."""
MAX_PAYLOAD_SIZE: Final = 16_384

_TAG_ARRAY_AND_PROTECTED: Final = bytes.fromhex("d2 84 43 a1 01")
_KEY_ID_HEADER: Final = bytes.fromhex("a1 04 48")
_SIGNATURE_HEADER: Final = bytes.fromhex("58 40")
_NO_EXTERNAL_DATA: Final = b"\x40"
_SIGNATURE1: Final = {
    cose_algorithm: b"\x84\x6aSignature1\x43\xa1\x01"
    + bytes((0x1F - cose_algorithm,))
    + _NO_EXTERNAL_DATA
    for cose_algorithm in ALGORITHM_OF_COSE
}
"""What stands before the payload in a Sig_structure, by COSE algorithm id."""

_KEY_ID_HEADER_AT: Final = len(_TAG_ARRAY_AND_PROTECTED) + 1
_KEY_ID_AT: Final = _KEY_ID_HEADER_AT + len(_KEY_ID_HEADER)
_PAYLOAD_HEADER_AT: Final = _KEY_ID_AT + KEY_ID_SIZE


class SignedMessage(NamedTuple):
    """A message taken apart; nothing in it is trusted before ``verify``.

    Attributes:
        algorithm: Kind of key that it says it was signed with.
        cose_algorithm: The COSE algorithm id in the signed header: -8, -19, -7 or -9.
        kid: Key id, 8 bytes; not signed, only a hint which key to try.
        payload: The signed content.
        signature: 64 raw bytes.
    """

    algorithm: Algorithm
    cose_algorithm: int
    kid: bytes
    payload: bytes
    signature: bytes

    def signed_bytes(self) -> bytes:
        """The Sig_structure (RFC 9052, 4.4) that the signature is over."""
        return _sig_structure(self.cose_algorithm, self.payload)


def sign(payload: bytes, signer: Signer) -> bytes:
    """Sign a payload as a tagged COSE_Sign1 message.

    Raises:
        Malformed: The payload is larger than ``MAX_PAYLOAD_SIZE``.
        BadSignature: The signer returned something that the chain would refuse.
    """
    cose_algorithm = COSE_ALGORITHM[signer.algorithm]
    signature = signer.sign(_sig_structure(cose_algorithm, payload))
    check_signature_form(signer.algorithm, signature)
    return join(cose_algorithm, signer.public_key, payload, signature)


def join(cose_algorithm: int, public_key: bytes, payload: bytes, signature: bytes) -> bytes:
    """Put a message together from its parts, which are not verified.

    Raises:
        Malformed: The payload is larger than ``MAX_PAYLOAD_SIZE``.
    """
    return b"".join(
        (
            _TAG_ARRAY_AND_PROTECTED,
            bytes((0x1F - cose_algorithm,)),  # CBOR of -24 to -1
            _KEY_ID_HEADER,
            key_id(public_key),
            _byte_string_header(len(payload)),
            payload,
            _SIGNATURE_HEADER,
            signature,
        )
    )


def decode(message: bytes) -> SignedMessage:
    """Take a message apart. Each message has one accepted form, so bytes are its identity.

    Raises:
        Malformed: Any other byte form, cut short or with bytes after it.
        UnknownAlgorithm: The header names another algorithm.
    """
    if not message.startswith(_TAG_ARRAY_AND_PROTECTED) or not message.startswith(
        _KEY_ID_HEADER, _KEY_ID_HEADER_AT
    ):
        raise Malformed("not a tagged COSE_Sign1 message with these two headers alone")
    cose_algorithm = 0x1F - message[_KEY_ID_HEADER_AT - 1]
    if cose_algorithm not in ALGORITHM_OF_COSE:
        raise UnknownAlgorithm(f"COSE algorithm {cose_algorithm} is not Ed25519 or ES256")
    start, end = _payload_span(message)
    if message[end : end + 2] != _SIGNATURE_HEADER or len(message) != end + 2 + SIGNATURE_SIZE:
        raise Malformed("a 64-byte signature ends the message")
    return SignedMessage(
        algorithm=ALGORITHM_OF_COSE[cose_algorithm],
        cose_algorithm=cose_algorithm,
        kid=message[_KEY_ID_AT:_PAYLOAD_HEADER_AT],
        payload=message[start:end],
        signature=message[end + 2 :],
    )


def verify(signed: SignedMessage, algorithm: Algorithm, public_key: bytes) -> None:
    """Check a message against the key that the registry holds for its meter.

    Another backend may stand in for the last step; the checks before it stay.

    Raises:
        BadKey: The key itself is not acceptable, see ``check_public_key``.
        BadSignature: Another kind of key, another key id, a malleable form, or not this
            key's signature.
    """
    key = load_public_key(algorithm, public_key)
    if signed.algorithm is not algorithm or signed.kid != key_id(public_key):
        raise BadSignature("the message names another key")
    check_signature_form(algorithm, signed.signature)
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signed.signature, signed.signed_bytes())
        else:
            r, s = signed.signature[:32], signed.signature[32:]
            der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
            key.verify(der, signed.signed_bytes(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise BadSignature("the signature does not fit the message and the key") from None


def signed_record_message(cose_algorithm: int, record: bytes) -> bytes:
    """The 139 bytes that a device signed for one record: what a chain program is shown.

    Raises:
        UnknownAlgorithm: Not one of the four accepted algorithm ids.
        Malformed: Not 120 bytes.
    """
    if cose_algorithm not in ALGORITHM_OF_COSE:
        raise UnknownAlgorithm(f"COSE algorithm {cose_algorithm} is not Ed25519 or ES256")
    if len(record) != RECORD_SIZE:
        raise Malformed(f"a record has {RECORD_SIZE} bytes, not {len(record)}")
    return _sig_structure(cose_algorithm, record)


def _sig_structure(cose_algorithm: int, payload: bytes) -> bytes:
    return _SIGNATURE1[cose_algorithm] + _byte_string_header(len(payload)) + payload


def _byte_string_header(size: int) -> bytes:
    """CBOR head of a byte string, in its shortest form."""
    if size > MAX_PAYLOAD_SIZE:
        raise Malformed(f"a payload has at most {MAX_PAYLOAD_SIZE} bytes, not {size}")
    if size < 24:
        return bytes((0x40 + size,))
    if size < 256:
        return bytes((0x58, size))
    return b"\x59" + size.to_bytes(2, "big")


def _payload_span(message: bytes) -> tuple[int, int]:
    """Where the payload begins and ends."""
    at = _PAYLOAD_HEADER_AT
    if len(message) < at + 3:
        raise Malformed("the message ends too early")
    head = message[at]
    if head == 0x58:
        start, size = at + 2, message[at + 1]
        shortest = size >= 24
    elif head == 0x59:
        start, size = at + 3, message[at + 1] << 8 | message[at + 2]
        shortest = 256 <= size <= MAX_PAYLOAD_SIZE
    else:
        start, size = at + 1, head - 0x40
        shortest = 0 <= size < 24
    if not shortest:
        raise Malformed("the payload is not a byte string in its shortest form")
    return start, start + size
