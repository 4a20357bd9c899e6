"""Instructions of the signature precompiles, in the one layout that the programs accept.

The layout is that of Agave's `ed25519-program` and `secp256r1-program`: a count, padding,
seven little-endian u16 offsets, then key, signature and message in the instruction itself.
"""

import struct

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_programs.errors import BadValueError

ED25519 = 0
P256 = 1
ED25519_PROGRAM = Pubkey.from_string("Ed25519SigVerify111111111111111111111111111")
SECP256R1_PROGRAM = Pubkey.from_string("Secp256r1SigVerify1111111111111111111111111")

_PROGRAMS = {ED25519: ED25519_PROGRAM, P256: SECP256R1_PROGRAM}
_KEY_SIZES = {ED25519: 32, P256: 33}
_SIGNATURE_SIZE = 64
_KEY_OFFSET = 16
_THIS_INSTRUCTION = 0xFFFF


def signature_instruction(
    algorithm: int, public_key: bytes, signature: bytes, message: bytes
) -> Instruction:
    """The instruction that makes the chain check one signature.

    Args:
        algorithm: 0 for Ed25519, 1 for P-256 (as in the registry's `DeviceKey`).
        public_key: 32 bytes, or 33 for P-256 (compressed).
        signature: 64 bytes (P-256: r then s, low s).
        message: what was signed.

    Raises:
        BadValueError: an unknown algorithm, or a key or signature of another size.
    """
    key_size = _KEY_SIZES.get(algorithm)
    if key_size is None:
        raise BadValueError(f"algorithm must be 0 (Ed25519) or 1 (P-256), not {algorithm}")
    if len(public_key) != key_size:
        raise BadValueError(f"the public key must be {key_size} bytes, not {len(public_key)}")
    if len(signature) != _SIGNATURE_SIZE:
        raise BadValueError(f"the signature must be 64 bytes, not {len(signature)}")
    signature_offset = _KEY_OFFSET + key_size
    message_offset = signature_offset + _SIGNATURE_SIZE
    offsets = struct.pack(
        "<BB7H", 1, 0,
        signature_offset, _THIS_INSTRUCTION,
        _KEY_OFFSET, _THIS_INSTRUCTION,
        message_offset, len(message), _THIS_INSTRUCTION,
    )  # fmt: skip
    return Instruction(_PROGRAMS[algorithm], offsets + public_key + signature + message, [])
