"""Runs beside cwt, an independent COSE library, in an environment without our packages.

``check.py FOLDER`` verifies every good message of the vectors in FOLDER with cwt, and prints
as JSON how many, and messages that cwt made.
"""

import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cwt import COSE, COSEKey

KTY, KID, ALG, CRV, X, Y, D = 1, 2, 3, -1, -2, -3, -4
ED25519_ALGORITHMS = (-8, -19)
P256_ALGORITHMS = (-7, -9)
HALF_N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2
SECRET = bytes([5] * 32)
PAYLOAD = b"GTX1" + bytes(116)


def cose_key(algorithm: int, public_key: bytes, secret: bytes | None = None) -> COSEKey:
    """A COSE key for one algorithm id; P-256 from its compressed point."""
    parameters: dict[int, object] = {KID: hashlib.sha256(public_key).digest()[:8], ALG: algorithm}
    if algorithm in ED25519_ALGORITHMS:
        parameters |= {KTY: 1, CRV: 6, X: public_key}
    else:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        x, y = (n.to_bytes(32, "big") for n in (point.public_numbers().x, point.public_numbers().y))
        parameters |= {KTY: 2, CRV: 1, X: x, Y: y}
    if secret:
        parameters[D] = secret
    return COSEKey.new(parameters)


def verify_vectors(folder: Path) -> int:
    """How many messages cwt verified; raises when it refuses one or reads another payload."""
    good = [
        case
        for case in json.loads((folder / "messages.json").read_text(encoding="utf-8"))
        if "expected" in case
    ]
    for case in good:
        key = cose_key(case["expected"]["cose_algorithm"], bytes.fromhex(case["public_key"]))
        payload = COSE.new(verify_kid=True).decode(bytes.fromhex(case["message"]), key)
        if payload.hex() != case["expected"]["payload"]:
            raise AssertionError(f"cwt reads another payload: {case['name']}")
    return len(good)


def make_messages() -> list[dict[str, object]]:
    """One message for each algorithm id, with the public key to check it with."""
    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(SECRET).public_key().public_bytes_raw()
    p256 = ec.derive_private_key(int.from_bytes(SECRET, "big"), ec.SECP256R1()).public_key()
    compressed = p256.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    keys = dict.fromkeys(ED25519_ALGORITHMS, edwards) | dict.fromkeys(P256_ALGORITHMS, compressed)
    return [
        {
            "cose_algorithm": algorithm,
            "public_key": public_key.hex(),
            "payload": PAYLOAD.hex(),
            "message": sign(algorithm, public_key).hex(),
        }
        for algorithm, public_key in keys.items()
    ]


def sign(algorithm: int, public_key: bytes) -> bytes:
    """A message by cwt; ES256 again until it is low-S, which cwt leaves to chance."""
    key = cose_key(algorithm, public_key, SECRET)
    while True:
        message = COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True).encode_and_sign(
            PAYLOAD, key
        )
        s = int.from_bytes(message[-32:], "big")
        if algorithm in ED25519_ALGORITHMS or s <= HALF_N256:
            return message


if __name__ == "__main__":
    result = {"verified": verify_vectors(Path(sys.argv[1])), "made": make_messages()}
    sys.stdout.write(json.dumps(result))
