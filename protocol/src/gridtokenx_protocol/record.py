"""The signed record: 120 bytes, little-endian, read by chain programs at the same offsets."""

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NamedTuple, Protocol

from gridtokenx_protocol.errors import Malformed

RECORD_SIZE = 120
RECORD_MAGIC = b"GTX1"
DEPLOYMENT_SIZE = 4
METER_ID_SIZE = 16
HASH_SIZE = 32
NO_PREVIOUS_HASH = bytes(HASH_SIZE)
"""What the first record of a meter has in place of its predecessor's hash."""

_LAYOUT = struct.Struct("<4s4s16sQQQQQqIiII32s")
_FIELDS = struct.Struct("<4x" + _LAYOUT.format.removeprefix("<4s"))
"""The same without the magic."""
_CLOCK_BITS = 0b11


class ClockStatus(IntEnum):
    """How far the device's clock may be trusted, after OCMF; bits 0-1 of the flags."""

    UNKNOWN = 0
    RELATIVE = 1
    INFORMATIVE = 2
    SYNCHRONISED = 3


class Flag(IntFlag):
    """Bits of a record's flags above the clock status."""

    SETTLEMENT = 1 << 2
    GAP = 1 << 3
    METER_FAULT = 1 << 4
    REGISTER_REPLACED = 1 << 5
    TAMPER = 1 << 6


# plain integers: what an IntFlag does takes longer than all other checks of a record together
_KNOWN_BITS = int(_CLOCK_BITS | sum(Flag))
_SETTLEMENT = int(Flag.SETTLEMENT)


class RecordFields(NamedTuple):
    """What a record's bytes say, in their order: see ``Record``. Cheap, for those who read many."""

    deployment: bytes
    meter_id: bytes
    sequence: int
    time_ms: int
    produced_mwh: int
    consumed_mwh: int
    surplus_mwh: int
    active_power_mw: int
    voltage_mv: int
    current_ma: int
    frequency_mhz: int
    flags: int
    previous_hash: bytes


class _Checked(Protocol):
    """The fields that have rules besides their size."""

    @property
    def sequence(self) -> int: ...
    @property
    def flags(self) -> int: ...
    @property
    def active_power_mw(self) -> int: ...
    @property
    def voltage_mv(self) -> int: ...
    @property
    def current_ma(self) -> int: ...
    @property
    def frequency_mhz(self) -> int: ...


def read_fields(data: bytes, start: int = 0) -> RecordFields:
    """Read the record at ``start``, by the same rules as ``Record.decode``.

    Raises:
        Malformed: Fewer than 120 bytes from there, not this format, or a field out of range.
    """
    try:
        read = RecordFields(*_FIELDS.unpack_from(data, start))
    except struct.error as error:
        raise Malformed(f"a record has {RECORD_SIZE} bytes") from error
    if not data.startswith(RECORD_MAGIC, start):
        raise Malformed("a record begins with GTX1")
    _check_rules(read)
    return read


def is_settlement(flags: int) -> bool:
    """Whether these are the flags of a reading for the chain."""
    return flags & _SETTLEMENT != 0


def _check_rules(record: _Checked) -> None:
    if record.sequence < 1:
        raise Malformed("a sequence starts at 1")
    flags = record.flags
    if flags & ~_KNOWN_BITS:
        raise Malformed(f"reserved flag bits are set: {flags:#x}")
    if flags & _SETTLEMENT and (
        record.active_power_mw or record.voltage_mv or record.current_ma or record.frequency_mhz
    ):
        raise Malformed("a settlement reading has power, voltage, current and frequency zero")


@dataclass(frozen=True, slots=True)
class Record:
    """One reading of one meter. A record that could not be encoded cannot be made.

    Attributes:
        deployment: 4 bytes, see ``deployment_id``.
        meter_id: 16 bytes, random.
        sequence: Starts at 1, rises by one, is never reused.
        time_ms: Unix time in ms.
        produced_mwh: Cumulative export register (OBIS 2.8.0).
        consumed_mwh: Cumulative import register (OBIS 1.8.0).
        surplus_mwh: Cumulative surplus over settlement intervals.
        active_power_mw: Signed, export positive.
        voltage_mv: Voltage in mV.
        current_ma: Signed, export positive.
        frequency_mhz: Frequency in mHz.
        flags: ``ClockStatus`` in bits 0-1, ``Flag`` above them.
        previous_hash: SHA-256 of the previous record with its extras, 32 bytes.

    Raises:
        Malformed: A field is outside its range, a reserved flag bit is set, or a settlement
            reading carries instantaneous values (they would publish a load profile).
    """

    deployment: bytes
    meter_id: bytes
    sequence: int
    time_ms: int
    produced_mwh: int
    consumed_mwh: int
    surplus_mwh: int
    active_power_mw: int
    voltage_mv: int
    current_ma: int
    frequency_mhz: int
    flags: int
    previous_hash: bytes

    def __post_init__(self) -> None:
        if (
            len(self.deployment) != DEPLOYMENT_SIZE
            or len(self.meter_id) != METER_ID_SIZE
            or len(self.previous_hash) != HASH_SIZE
        ):
            raise Malformed("deployment, meter id and previous hash have 4, 16 and 32 bytes")
        _check_rules(self)
        self.encode()

    @property
    def clock(self) -> ClockStatus:
        """Clock status, from bits 0-1 of the flags."""
        return ClockStatus(self.flags & _CLOCK_BITS)

    @property
    def is_settlement(self) -> bool:
        """Whether this is a reading for the chain, at the boundary of a settlement interval."""
        return is_settlement(self.flags)

    def encode(self) -> bytes:
        """The 120 bytes that are signed and hashed.

        Raises:
            Malformed: A number does not fit its field.
        """
        try:
            return _LAYOUT.pack(
                RECORD_MAGIC,
                self.deployment,
                self.meter_id,
                self.sequence,
                self.time_ms,
                self.produced_mwh,
                self.consumed_mwh,
                self.surplus_mwh,
                self.active_power_mw,
                self.voltage_mv,
                self.current_ma,
                self.frequency_mhz,
                self.flags,
                self.previous_hash,
            )
        except struct.error as error:
            raise Malformed(f"a field does not fit the record: {error}") from error

    @classmethod
    def decode(cls, data: bytes) -> "Record":
        """Read a record; ``Record.decode(data).encode() == data`` for all that is accepted.

        Raises:
            Malformed: Not 120 bytes, not this format, or a field out of range.
        """
        if len(data) != RECORD_SIZE:
            raise Malformed(f"a record has {RECORD_SIZE} bytes, not {len(data)}")
        return cls(*read_fields(data))
