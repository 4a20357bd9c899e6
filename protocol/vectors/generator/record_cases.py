"""Cases for records and payloads."""

from dataclasses import fields, replace

import cbor2
from fixtures import BASELINE, METER_ID, READING, SETTLEMENT, Case, patched, sig_structure

from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import ClockStatus, Flag, Record

_U64 = 2**64 - 1
_GREATEST = replace(
    READING,
    sequence=_U64,
    time_ms=_U64,
    produced_mwh=_U64,
    consumed_mwh=_U64,
    surplus_mwh=_U64,
    active_power_mw=2**63 - 1,
    voltage_mv=2**32 - 1,
    current_ma=2**31 - 1,
    frequency_mhz=2**32 - 1,
    flags=ClockStatus.SYNCHRONISED | (sum(Flag) - Flag.SETTLEMENT),
)
_EXTRAS = cbor2.dumps(
    {"voltage_l1_mv": 230_125, "voltage_l2_mv": 229_870, "dropped": [[7, 19], [23, 23]]},
    canonical=True,
)
MALFORMED = {"reason": "malformed"}


def record_fields(record: Record) -> Case:
    """Fields as JSON: bytes in hex, integers as decimal text (some exceed 2**53)."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {
        name: value.hex() if isinstance(value, bytes) else str(int(value))
        for name, value in values.items()
    }


def record_cases() -> list[Case]:
    """Single records."""
    good = {
        "reading": READING,
        "baseline: sequence 1, no previous hash": BASELINE,
        "settlement reading": SETTLEMENT,
        "every field at its greatest": _GREATEST,
        "negative power and current at their least": replace(
            READING, active_power_mw=-(2**63), current_ma=-(2**31)
        ),
        "clock unknown": replace(READING, flags=0),
    }
    settled, reading = SETTLEMENT.encode(), READING.encode()
    bad = {
        "empty": b"",
        "truncated by one byte": reading[:-1],
        "extended by one byte": reading + b"\0",
        "format version 2": patched(reading, 0, b"GTX2"),
        "sequence 0": patched(reading, 24, bytes(8)),
        "reserved flag bit 7": patched(reading, 84, bytes([0x83])),
        "reserved flag bit 31": patched(reading, 87, bytes([0x80])),
        "settlement reading with power": patched(settled, 64, b"\1"),
        "settlement reading with voltage": patched(settled, 72, b"\1"),
        "settlement reading with current": patched(settled, 76, b"\1"),
        "settlement reading with frequency": patched(settled, 83, b"\1"),
    }
    return [
        {
            "name": name,
            "record": record.encode().hex(),
            "expected": {
                "fields": record_fields(record),
                "hash": record_hash(record).hex(),
                "signed_bytes": {
                    str(algorithm): sig_structure(
                        cbor2.dumps({1: algorithm}), record.encode()
                    ).hex()
                    for algorithm in (-8, -19, -7, -9)
                },
            },
        }
        for name, record in good.items()
    ] + [{"name": name, "record": record.hex(), "error": MALFORMED} for name, record in bad.items()]


def chain(count: int) -> tuple[Record, ...]:
    """``count`` readings, one after another, each with its predecessor's hash."""
    records = [READING]
    for step in range(1, count):
        records.append(
            replace(
                READING,
                sequence=READING.sequence + step,
                time_ms=READING.time_ms + 10_000 * step,
                produced_mwh=READING.produced_mwh + 2_000 * step,
                previous_hash=record_hash(records[-1]),
            )
        )
    return tuple(records)


def _join(*records: Record, extras: bytes = b"") -> bytes:
    return b"".join(record.encode() for record in records) + extras


def payload_cases() -> list[Case]:
    """One or more records, with or without extras."""
    good: dict[str, tuple[tuple[Record, ...], bytes | None]] = {
        "one reading": ((READING,), None),
        "one reading with extras": ((READING,), _EXTRAS),
        "settlement reading alone": ((SETTLEMENT,), None),
        "three readings": (chain(3), None),
        "three readings, extras of the last": (chain(3), _EXTRAS),
        "32 readings": (chain(32), None),
    }
    return [
        {
            "name": name,
            "payload": _join(*records, extras=extras or b"").hex(),
            "expected": {
                "records": [record_fields(record) for record in records],
                "extras": None if extras is None else extras.hex(),
                "last_hash": record_hash(records[-1], extras).hex(),
            },
        }
        for name, (records, extras) in good.items()
    ] + [
        {"name": name, "payload": payload.hex(), "error": MALFORMED}
        for name, payload in _bad_payloads().items()
    ]


def _bad_payloads() -> dict[str, bytes]:
    first, second, third = chain(3)
    following = replace(SETTLEMENT, sequence=READING.sequence + 1)
    other_meter = replace(second, meter_id=METER_ID[::-1])
    bad_extras = {
        "empty map": "a0",
        "not a map": "83010203",
        "map cut short": "a16161",
        "bytes after the map": "a1616101" + "00",
        "integer key": "a10102",
        "float": "a16161f93c00",
        "tag": "a16161c001",
        "indefinite length map": "bf616101ff",
        "integer not in its shortest form": "a161611801",
        "text length not in its shortest form": "a178016101",
        "keys out of order": "a2616201616101",
        "key twice": "a2616101616102",
        "text that is not UTF-8": "a16161" + "61ff",
        "nested deeper than 8": "a16161" + "81" * 8 + "00",
        "undefined": "a16161f7",
    }
    return {
        "no record": b"",
        "extras without a record": _EXTRAS,
        "extras before the record": _EXTRAS + _join(READING),
        "33 readings": _join(*chain(33)),
        "two readings of one sequence": _join(first, first),
        "sequence goes back": _join(second, first),
        "sequence leaves one out": _join(first, third),
        "two meters": _join(first, other_meter),
        "two deployments": _join(first, replace(second, deployment=b"\xff" * 4)),
        "settlement reading after a reading": _join(READING, following),
        "settlement reading before a reading": _join(
            SETTLEMENT, replace(READING, sequence=SETTLEMENT.sequence + 1)
        ),
        "settlement reading with extras": _join(SETTLEMENT, extras=_EXTRAS),
        "second record cut short": _join(first, second)[:-1],
        "second record of another format": patched(_join(first, second), 120, b"XTX1"),
        **{
            f"extras: {name}": _join(READING, extras=bytes.fromhex(extras))
            for name, extras in bad_extras.items()
        },
    }
