"""The model of a meter: what its device signs, its keys, its limits, and its ledger."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness import record
from model.state import Address

from gridtokenx_programs.precompiles import ED25519, P256

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
INTERVAL_MS = 900_000
AHEAD_MS = 60_000
TICK_MWH = 10_000
P256_KEY_SIZE = 33
SYNCHRONISED, SETTLEMENT, GAP, FAULT, REPLACED, TAMPER = 3, 4, 8, 16, 32, 64


@dataclass(frozen=True)
class Reading:
    """A record that a device signed, and the key with which it did."""

    key: bytes
    deployment: bytes
    meter_id: bytes
    sequence: int
    time_ms: int
    produced_mwh: int
    consumed_mwh: int
    surplus_mwh: int = 0
    flags: int = SYNCHRONISED | SETTLEMENT
    load: bytes = bytes(20)

    @property
    def record(self) -> bytes:
        """The 120 bytes that were signed."""
        fields = {name: value for name, value in vars(self).items() if name != "key"}
        return record(**fields)


@dataclass(frozen=True)
class Limits:
    """What a meter can have produced and consumed."""

    export_limit_mw: int
    import_limit_mw: int
    daily_export_limit_mwh: int


@dataclass(repr=False)
class Meter:
    """A meter, and the ledger of what it settled."""

    owner: Address
    baseline: Reading
    limits: Limits
    status: str = field(default="Active", init=False)
    previous_key: bytes | None = field(default=None, init=False)
    previous_key_last_sequence: int = field(default=0, init=False)
    minted_mwh: int = field(default=0, init=False)
    redeemed_mwh: int = field(default=0, init=False)
    deficit_mwh: int = field(default=0, init=False)
    rebase_sequence: int = field(default=0, init=False)
    replaced_surplus_mwh: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.meter_id, self.key = self.baseline.meter_id, self.baseline.key
        self.last = self.baseline
        self.rate = with_tolerance(self.limits.daily_export_limit_mwh)
        self.allowance_mwh = self.rate + TICK_MWH
        self.started_mwh = self.baseline.surplus_mwh

    def __repr__(self) -> str:
        return f"Meter({self.meter_id[0]})"

    def signer(self, sequence: int) -> bytes | None:
        """The one key that may sign a sequence."""
        return self.key if sequence > self.previous_key_last_sequence else self.previous_key

    def refilled(self, time_ms: int) -> int:
        """Production that would be believed at a time."""
        refill = self.rate * (time_ms - self.last.time_ms) // DAY_MS
        return min(self.allowance_mwh + refill, max(self.rate, refill) + TICK_MWH)


def device_key(key: bytes | None) -> tuple[int, bytes]:
    """A key as the registry holds it: its algorithm and 33 bytes; zeros for none."""
    if key is None:
        return 0, bytes(33)
    return (P256 if len(key) == P256_KEY_SIZE else ED25519), key.ljust(33, b"\0")


def with_tolerance(limit: int) -> int:
    """A limit and 10 %."""
    return limit + limit // 10


def most(limit_mw: int, elapsed_ms: int) -> int:
    """The most energy that a limit allows in a time."""
    return with_tolerance(limit_mw * elapsed_ms // HOUR_MS) + TICK_MWH
