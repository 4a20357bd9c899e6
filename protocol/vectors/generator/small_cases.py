"""Cases for keys, acks, quotes, amounts and deployments."""

from dataclasses import replace

import cbor2
from fixtures import (
    DEPLOYMENT,
    ED25519,
    GENESIS_HASH,
    METER_ID,
    P256,
    REGISTRY_PROGRAM,
    START_MS,
    Case,
    frame,
)

from gridtokenx_protocol.ack import Ack
from gridtokenx_protocol.keys import key_id

_P25519 = 2**255 - 19
_U64 = 2**64 - 1
_ACK = Ack(DEPLOYMENT, METER_ID, epoch=7, sequence=42, hash=bytes(range(32)), time_ms=START_MS)


def key_cases() -> list[Case]:
    """Public keys."""
    y8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc"
    other_y8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03"
    bad_ed25519 = {
        "order 1": (1).to_bytes(32, "little").hex(),
        "order 1, sign bit set": "01" + "00" * 30 + "80",
        "order 2": (_P25519 - 1).to_bytes(32, "little").hex(),
        "order 4": "00" * 32,
        "order 4, sign bit set": "00" * 31 + "80",
        "order 8, first": y8 + "05",
        "order 8, first, sign bit set": y8 + "85",
        "order 8, second": other_y8 + "7a",
        "order 8, second, sign bit set": other_y8 + "fa",
        "order 4, not canonical: y = p": _P25519.to_bytes(32, "little").hex(),
        "order 1, not canonical: y = p + 1": (_P25519 + 1).to_bytes(32, "little").hex(),
        "not canonical: y = p + 3": (_P25519 + 3).to_bytes(32, "little").hex(),
        "not on the curve: y = 2": "02" + "00" * 31,
        "31 bytes": ED25519.public_key[:-1].hex(),
        "33 bytes": ED25519.public_key.hex() + "00",
    }
    x = P256.public_key[1:]
    bad_p256 = {
        "uncompressed": "04" + x.hex() + "00" * 32,
        "x alone": x.hex(),
        "tag of an uncompressed point": "04" + x.hex(),
        "not on the curve": "02" + "00" * 31 + "01",
        "x beyond the field": "02" + "ff" * 32,
        "point at infinity": "00" * 33,
    }
    good = [
        {
            "name": f"{signer.algorithm.name} key",
            "algorithm": int(signer.algorithm),
            "public_key": signer.public_key.hex(),
            "expected": {"kid": key_id(signer.public_key).hex()},
        }
        for signer in (ED25519, P256)
    ]
    return good + [
        {
            "name": f"{kind}: {name}",
            "algorithm": algorithm,
            "public_key": key,
            "error": {"reason": "bad_key"},
        }
        for kind, algorithm, keys in (("Ed25519", 0, bad_ed25519), ("P-256", 1, bad_p256))
        for name, key in keys.items()
    ]


def ack_cases() -> list[Case]:
    """The hub's acknowledgements, signed."""
    good = {
        "ack": _ACK,
        "nothing has a verdict yet": replace(_ACK, sequence=0, hash=bytes(32)),
        "greatest epoch and sequence": replace(_ACK, epoch=_U64, sequence=_U64),
    }
    fields = cbor2.loads(_ACK.encode())
    bad = {
        "key 6 is missing": {key: fields[key] for key in range(1, 6)},
        "key 7 in place of 6": {key + key // 6: value for key, value in fields.items()},
        "a seventh key": fields | {7: 0},
        "hash of 31 bytes": fields | {5: bytes(31)},
        "sequence is text": fields | {4: "42"},
        "sequence is true": fields | {4: True},
        "sequence is negative": fields | {4: -1},
        "meter id is text": fields | {2: "0123456789abcdef"},
    }
    return [
        {
            "name": name,
            "message": frame(ack.encode()).encode().hex(),
            "public_key": ED25519.public_key.hex(),
            "expected": {
                "deployment": ack.deployment.hex(),
                "meter_id": ack.meter_id.hex(),
                "epoch": str(ack.epoch),
                "sequence": str(ack.sequence),
                "hash": ack.hash.hex(),
                "time_ms": str(ack.time_ms),
            },
        }
        for name, ack in good.items()
    ] + [
        {
            "name": name,
            "message": frame(cbor2.dumps(content, canonical=True)).encode().hex(),
            "public_key": ED25519.public_key.hex(),
            "error": {"reason": "malformed"},
        }
        for name, content in bad.items()
    ]


def quote_cases() -> list[Case]:
    """Energy times price, rounded up; integers as decimal text."""
    good = [
        ("5 kWh at 3 GRX", 5_000_000, 3_000_000, 15_000_000),
        ("nothing", 0, 3_000_000, 0),
        ("one lot at 1 µGRX rounds up", 1_000, 1, 1),
        ("one lot at 3 GRX", 1_000, 3_000_000, 3_000),
        ("one mWh short of exact rounds up", 999_999, 1_000_001, 1_000_000),
        ("a third of a lot's price rounds up", 1_000, 333_333, 334),
        ("greatest amount at 1 GRX", _U64, 1_000_000, _U64),
        ("product beyond 64 bits", 10**13, 10**12, 10**19),
    ]
    bad = [
        ("result beyond 64 bits", _U64, 1_000_001),
        ("all at its greatest", _U64, _U64),
    ]
    return [
        {
            "name": name,
            "amount_mwh": str(amount),
            "price_micro_grx_per_kwh": str(price),
            "expected": {"micro_grx": str(result)},
        }
        for name, amount, price, result in good
    ] + [
        {
            "name": name,
            "amount_mwh": str(amount),
            "price_micro_grx_per_kwh": str(price),
            "error": {"reason": "bad_unit"},
        }
        for name, amount, price in bad
    ]


def deployment_cases() -> list[Case]:
    """Deployment ids."""
    return [
        {
            "name": "counting bytes",
            "genesis_hash": GENESIS_HASH.hex(),
            "registry_program": REGISTRY_PROGRAM.hex(),
            "expected": {"deployment": DEPLOYMENT.hex()},
        }
    ]
