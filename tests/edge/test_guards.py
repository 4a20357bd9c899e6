"""What is refused before it is signed, and that every refusal ends."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config import LimitsConfig
from gridtokenx_edge.errors import ReadingRefused
from gridtokenx_edge.guards import Accepted, FrozenGuard, RegisterGuard
from gridtokenx_edge.guards.registers import largest_rise_mwh
from gridtokenx_edge.meters import MeterReading
from gridtokenx_protocol.record import ClockStatus

SYNCHRONISED = ClockStatus.SYNCHRONISED
START_MS = 1_700_000_000_000
LAST = Accepted(START_MS, 20_000_000_000, 30_000_000_000)
STEP_MWH = 10_000
LIMITS = LimitsConfig(export_w=5_000, import_w=10_000)


@dataclass
class Hands:
    """A clock that is set by hand."""

    now_ms: int = START_MS
    monotonic_ms: int = 0

    def clock(self) -> Clock:
        return Clock(lambda: self.now_ms, lambda: self.monotonic_ms)

    def advance(self, ms: int) -> None:
        self.now_ms += ms
        self.monotonic_ms += ms


def reading(produced_mwh: int, consumed_mwh: int = LAST.consumed_mwh) -> MeterReading:
    return MeterReading(produced_mwh, consumed_mwh, 0, 230_000, 0, 50_000, {})


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def guard(hands: Hands) -> RegisterGuard:
    return RegisterGuard(LIMITS, STEP_MWH, hands.clock(), LAST)


def refusal(guard: RegisterGuard, value: MeterReading, status: ClockStatus = SYNCHRONISED) -> str:
    with pytest.raises(ReadingRefused) as caught:
        guard.check(value, status)
    return caught.value.reason


def test_transient_zero_is_refused_and_recovers(guard: RegisterGuard, hands: Hands) -> None:
    hands.advance(1000)
    assert refusal(guard, reading(0)) == "register_zero"
    assert refusal(guard, reading(LAST.produced_mwh, 0)) == "register_zero"
    hands.advance(1000)
    guard.check(reading(LAST.produced_mwh + 1_000), SYNCHRONISED)


def test_a_fall_by_one_is_refused(guard: RegisterGuard, hands: Hands) -> None:
    hands.advance(1000)
    assert refusal(guard, reading(LAST.produced_mwh - 1)) == "register_fell"
    assert refusal(guard, reading(LAST.produced_mwh, LAST.consumed_mwh - 1)) == "register_fell"
    guard.check(reading(LAST.produced_mwh), SYNCHRONISED)


def test_the_limit_is_exact_for_each_direction(guard: RegisterGuard, hands: Hands) -> None:
    hands.advance(3_600_000)
    export, import_ = 5_500_000 + STEP_MWH, 11_000_000 + STEP_MWH
    guard.check(reading(LAST.produced_mwh + export, LAST.consumed_mwh + import_), SYNCHRONISED)
    assert refusal(guard, reading(LAST.produced_mwh + export + 1)) == "register_jumped"
    assert (
        refusal(guard, reading(LAST.produced_mwh, LAST.consumed_mwh + import_ + 1))
        == "register_jumped"
    )


@given(st.integers(0, 10**12), st.integers(1, 100_000))
def test_a_true_jump_after_an_outage_is_accepted_in_the_end(jump_mwh: int, limit_w: int) -> None:
    hands = Hands()
    guard = RegisterGuard(LimitsConfig(limit_w, limit_w), STEP_MWH, hands.clock(), LAST)
    value = reading(LAST.produced_mwh + jump_mwh)
    for _ in range(64):
        try:
            guard.check(value, SYNCHRONISED)
        except ReadingRefused:
            hands.advance(max(1000, hands.monotonic_ms))
        else:
            return
    pytest.fail("the guard locked up")


def test_an_outage_before_this_run_counts_by_a_synchronised_wall_clock(hands: Hands) -> None:
    hands.now_ms += 86_400_000
    guard = RegisterGuard(LIMITS, STEP_MWH, hands.clock(), LAST)
    day = reading(LAST.produced_mwh + 24 * 5_000_000)
    assert refusal(guard, day, ClockStatus.INFORMATIVE) == "register_jumped"
    guard.check(day, SYNCHRONISED)


def test_a_wall_clock_that_jumps_opens_no_gate(guard: RegisterGuard, hands: Hands) -> None:
    hands.advance(1000)
    guard.check(reading(LAST.produced_mwh), SYNCHRONISED)
    guard.accept(Accepted(hands.now_ms, LAST.produced_mwh, LAST.consumed_mwh))
    hands.now_ms += 365 * 86_400_000
    hands.monotonic_ms += 1000
    assert refusal(guard, reading(LAST.produced_mwh + 1_000_000_000)) == "register_jumped"


def test_a_wall_clock_that_is_set_back_shuts_no_gate(guard: RegisterGuard, hands: Hands) -> None:
    hands.now_ms -= 365 * 86_400_000
    hands.monotonic_ms += 3_600_000
    guard.check(reading(LAST.produced_mwh + 5_000_000), SYNCHRONISED)


def test_rise_at_rated_power_for_an_hour() -> None:
    assert largest_rise_mwh(1_000, 3_600_000) == 1_100_000


def still(active_power_mw: int, voltage: bytes = b"\x01") -> MeterReading:
    """A reading whose registers are always the same, but for the voltage."""
    registers = {"produced": bytes(8), "voltage": voltage}
    return MeterReading(0, 0, active_power_mw, 230_000, 0, 50_000, registers)


@pytest.mark.parametrize("power_mw", [1_000_000, -1_000_000])
def test_registers_that_stand_still_under_power_are_refused(hands: Hands, power_mw: int) -> None:
    """At 1 kW a step of 10 Wh takes 36 s, so four of them 144 s."""
    guard = FrozenGuard(STEP_MWH, hands.clock())
    guard.check(still(power_mw))
    for _ in range(144):
        hands.advance(1000)
        guard.check(still(power_mw))
    hands.advance(1000)
    with pytest.raises(ReadingRefused) as caught:
        guard.check(still(power_mw))
    assert caught.value.reason == "frozen"
    guard.check(still(power_mw, voltage=b"\x02"))


def test_at_no_power_nothing_has_to_move(hands: Hands) -> None:
    guard = FrozenGuard(STEP_MWH, hands.clock())
    for _ in range(100):
        hands.advance(86_400_000)
        guard.check(still(0))


def test_a_first_reading_is_never_frozen(hands: Hands) -> None:
    hands.advance(10 * 86_400_000)
    FrozenGuard(STEP_MWH, hands.clock()).check(still(10_000_000))
