"""Cases for COSE messages: what is decoded, what verifies, and what must do neither."""

import hashlib
from dataclasses import replace

import cbor2
from cryptography.hazmat.primitives.asymmetric import ed25519
from fixtures import (
    BASELINE,
    ED25519,
    ED25519_KEY,
    ED25519_OTHER,
    L25519,
    N256,
    P256,
    P256_OTHER,
    READING,
    SETTLEMENT,
    Case,
    flipped,
    frame,
    patched,
    sig_structure,
)
from record_cases import chain

from gridtokenx_protocol.keys import Algorithm, SoftwareSigner, key_id

_PAYLOAD = READING.encode()
_IDENTITY = (1).to_bytes(32, "little")
_ORDER_2 = (2**255 - 20).to_bytes(32, "little")


def message_cases() -> list[Case]:
    """Messages with the key that they are to be checked with."""
    return _good() + _undecodable() + _unverifiable() + _bad_keys()


def _case(name: str, message: bytes, signer: SoftwareSigner = ED25519) -> Case:
    return {
        "name": name,
        "message": message.hex(),
        "algorithm": int(signer.algorithm),
        "public_key": signer.public_key.hex(),
    }


def _good() -> list[Case]:
    many = b"".join(record.encode() for record in chain(32))
    short = b"\xa1\x61\x61\x01"
    made = [
        ("Ed25519 as EdDSA, alg -8", ED25519, -8, _PAYLOAD),
        ("Ed25519 as Ed25519, alg -19", ED25519, -19, _PAYLOAD),
        ("P-256 as ES256, alg -7", P256, -7, _PAYLOAD),
        ("P-256 as ESP256, alg -9", P256, -9, _PAYLOAD),
        ("baseline, Ed25519", ED25519, -8, BASELINE.encode()),
        ("baseline, P-256", P256, -7, BASELINE.encode()),
        ("settlement reading, Ed25519", ED25519, -8, SETTLEMENT.encode()),
        ("settlement reading, P-256", P256, -7, SETTLEMENT.encode()),
        ("32 readings: payload length in two bytes", ED25519, -8, many),
        ("payload length in the initial byte", ED25519, -8, short),
        ("empty payload", P256, -7, b""),
    ]
    cases = []
    for name, signer, cose_algorithm, payload in made:
        parts = frame(payload, signer, cose_algorithm)
        expected = {
            "cose_algorithm": cose_algorithm,
            "kid": key_id(signer.public_key).hex(),
            "payload": payload.hex(),
            "signature": parts.signature.hex(),
            "signed_bytes": sig_structure(parts.protected, payload).hex(),
        }
        cases.append(_case(name, parts.encode(), signer) | {"expected": expected})
    return cases


def _undecodable() -> list[Case]:
    good = frame(_PAYLOAD)
    data = good.encode()
    kid = good.unprotected[4]
    header = data.index(b"\x58\x78")
    bad = {
        "empty": b"",
        "garbage": bytes.fromhex("ffffffffffffffffffffffffffffffff"),
        "no tag": data[1:],
        "wrong tag: COSE_Mac0": good.encode(tag=17),
        "tag not in its shortest form": b"\xd8\x12" + data[1:],
        "self-described CBOR around it": b"\xd9\xd9\xf7" + data,
        "array of five": data[:1] + b"\x85" + data[2:] + b"\x00",
        "array of indefinite length": data[:1] + b"\x9f" + data[2:] + b"\xff",
        "truncated by one byte": data[:-1],
        "truncated inside the payload": data[:60],
        "truncated inside the header": data[:12],
        "extended by one byte": data + b"\x00",
        "protected header with a second entry": replace(
            good, protected=cbor2.dumps({1: -8, 3: 0})
        ).encode(),
        "empty protected header": replace(good, protected=b"").encode(),
        "algorithm not in its shortest form": replace(
            good, protected=bytes.fromhex("a1013807")
        ).encode(),
        "algorithm in the unprotected header": replace(
            good, protected=b"", unprotected={1: -8, 4: kid}
        ).encode(),
        "second unprotected header": replace(good, unprotected={4: kid, 5: b"x"}).encode(),
        "no key id": replace(good, unprotected={}).encode(),
        "key id of nine bytes": replace(good, unprotected={4: kid + b"x"}).encode(),
        "payload length of one byte in two": data[:header] + b"\x59\0\x78" + data[header + 2 :],
        "payload length of one byte in four": data[:header]
        + b"\x5a\0\0\0\x78"
        + data[header + 2 :],
        "payload length in two bytes, read as one": data[:header]
        + b"\x59\0\x78"
        + data[header + 3 :],
        "payload is text": patched(data, header, b"\x78"),
        "payload is a map by its first byte": patched(data, header, b"\xb8"),
        "payload detached": data[:header] + b"\xf6" + data[header + 122 :],
        "payload longer than 16384": replace(good, payload=bytes(16_385)).encode(),
        "signature of 63 bytes": replace(good, signature=good.signature[:-1]).encode(),
        "signature of 65 bytes": replace(good, signature=good.signature + b"x").encode(),
    }
    unknown = {
        "HMAC 256/256 as the algorithm": 5,
        "AES-KW as the algorithm": -5,
        "direct as the algorithm": -6,
    }
    return [
        _case(name, message) | {"error": {"stage": "decode", "reason": "malformed"}}
        for name, message in bad.items()
    ] + [
        _case(name, replace(good, protected=cbor2.dumps({1: algorithm})).encode())
        | {"error": {"stage": "decode", "reason": "unknown_algorithm"}}
        for name, algorithm in unknown.items()
    ]


def _unverifiable() -> list[Case]:
    edwards, p256 = frame(_PAYLOAD), frame(_PAYLOAD, P256)
    s = int.from_bytes(edwards.signature[32:], "little")
    s256 = int.from_bytes(p256.signature[32:], "big")
    cases = [
        (
            "one bit of the payload is another",
            ED25519,
            replace(edwards, payload=flipped(_PAYLOAD, 40)),
        ),
        (
            "one bit of an Ed25519 signature is another",
            ED25519,
            replace(edwards, signature=flipped(edwards.signature, 5)),
        ),
        (
            "one bit of a P-256 signature is another",
            P256,
            replace(p256, signature=flipped(p256.signature, 5)),
        ),
        (
            "Ed25519 signature of another key under this key's id",
            ED25519,
            replace(frame(_PAYLOAD, ED25519_OTHER), unprotected=edwards.unprotected),
        ),
        (
            "P-256 signature of another key under this key's id",
            P256,
            replace(frame(_PAYLOAD, P256_OTHER), unprotected=p256.unprotected),
        ),
        (
            "good signature under another key's id",
            ED25519,
            replace(edwards, unprotected={4: key_id(ED25519_OTHER.public_key)}),
        ),
        (
            "alg -8 changed to -19 after signing",
            ED25519,
            replace(edwards, protected=cbor2.dumps({1: -19})),
        ),
        ("alg -7 changed to -9 after signing", P256, replace(p256, protected=cbor2.dumps({1: -9}))),
        ("P-256 key under alg -8", P256, frame(_PAYLOAD, P256, -8)),
        ("Ed25519 key under alg -7", ED25519, frame(_PAYLOAD, ED25519, -7)),
        ("Ed25519 message checked with a P-256 key", P256, edwards),
        ("P-256 message checked with an Ed25519 key", ED25519, p256),
        (
            "high-S twin of a P-256 signature",
            P256,
            replace(p256, signature=p256.signature[:32] + (N256 - s256).to_bytes(32, "big")),
        ),
        (
            "P-256 signature with r = 0",
            P256,
            replace(p256, signature=bytes(32) + p256.signature[32:]),
        ),
        (
            "P-256 signature with s = 0",
            P256,
            replace(p256, signature=p256.signature[:32] + bytes(32)),
        ),
        (
            "Ed25519 signature with S + L",
            ED25519,
            replace(
                edwards, signature=edwards.signature[:32] + (s + L25519).to_bytes(32, "little")
            ),
        ),
        (
            "Ed25519 signature that holds with R of small order",
            ED25519,
            replace(edwards, signature=_signature_with_nonce_zero(edwards.protected)),
        ),
        (
            "signature over the payload alone",
            ED25519,
            replace(edwards, signature=ED25519.sign(_PAYLOAD)),
        ),
    ]
    return [
        _case(name, parts.encode(), signer)
        | {"error": {"stage": "verify", "reason": "bad_signature"}}
        for name, signer, parts in cases
    ]


def _signature_with_nonce_zero(protected: bytes) -> bytes:
    """R = 0·B and S = h·a: the equation holds, OpenSSL accepts, verify_strict refuses."""
    secret = bytearray(hashlib.sha512(ED25519_KEY.private_bytes_raw()).digest()[:32])
    secret[0] &= 248
    secret[31] = secret[31] & 127 | 64
    hashed = hashlib.sha512(_IDENTITY + ED25519.public_key + sig_structure(protected, _PAYLOAD))
    h = int.from_bytes(hashed.digest(), "little")
    s = h * int.from_bytes(secret, "little") % L25519
    return _IDENTITY + s.to_bytes(32, "little")


def _bad_keys() -> list[Case]:
    """Forgeries that need no private key: S·B = R + h·A with A of small order."""
    base_point = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex("58" + "66" * 31))
    forged = base_point.public_bytes_raw() + (1).to_bytes(32, "little")
    parts = replace(frame(_PAYLOAD), signature=forged)
    cases = []
    for name, public_key in (("identity", _IDENTITY), ("point of order 2", _ORDER_2)):
        message = replace(parts, unprotected={4: key_id(public_key)}).encode()
        cases.append(
            _case(f"forged signature for the {name} as the key", message)
            | {
                "algorithm": int(Algorithm.ED25519),
                "public_key": public_key.hex(),
                "error": {"stage": "verify", "reason": "bad_key"},
            }
        )
    return cases
