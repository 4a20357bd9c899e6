"""Clock status, steps of the clock, and the schedule of reading."""

import asyncio
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_edge.agent.schedule import next_read_ms, sleep_until
from gridtokenx_edge.clock import (
    SYSTEM_CLOCK,
    Clock,
    ClockWatch,
    system_clock_status,
    trusted_clock,
)
from gridtokenx_edge.clock.status import HOLD_MS
from gridtokenx_protocol.record import ClockStatus


@dataclass
class Hands:
    now_ms: int = 1_700_000_000_000
    monotonic_ms: int = 0


@pytest.fixture
def hands() -> Hands:
    return Hands()


def watch(hands: Hands) -> ClockWatch:
    return ClockWatch(trusted_clock, Clock(lambda: hands.now_ms, lambda: hands.monotonic_ms))


def test_the_kernel_is_asked() -> None:
    assert system_clock_status() in set(ClockStatus) - {ClockStatus.RELATIVE}


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000])
def test_a_step_holds_the_status_down_for_a_while(hands: Hands, step_ms: int) -> None:
    watched = watch(hands)
    assert watched.status() is ClockStatus.SYNCHRONISED
    hands.now_ms += step_ms
    assert watched.status() is ClockStatus.INFORMATIVE
    hands.monotonic_ms += HOLD_MS - 1
    hands.now_ms += HOLD_MS - 1
    assert watched.status() is ClockStatus.INFORMATIVE
    hands.monotonic_ms += 1
    hands.now_ms += 1
    assert watched.status() is ClockStatus.SYNCHRONISED


def test_a_slew_is_no_step(hands: Hands) -> None:
    watched = watch(hands)
    for _ in range(100):
        hands.now_ms += 1_100
        hands.monotonic_ms += 1_000
        assert watched.status() is ClockStatus.SYNCHRONISED


@given(st.integers(0, 2**45), st.integers(50, 900_000), st.sampled_from([1, 7, 900, 86_400]))
def test_every_boundary_is_met(now_ms: int, period_ms: int, interval_s: int) -> None:
    due_ms = next_read_ms(now_ms, period_ms, interval_s)
    assert now_ms < due_ms <= now_ms + period_ms
    assert due_ms % period_ms == 0 or due_ms % (interval_s * 1000) == 0
    next_boundary_ms = (now_ms // (interval_s * 1000) + 1) * interval_s * 1000
    assert due_ms <= next_boundary_ms


async def test_sleeps_until_the_wall_clock_is_there() -> None:
    due_ms = SYSTEM_CLOCK.now_ms() + 30
    await sleep_until(due_ms, SYSTEM_CLOCK, asyncio.Event())
    assert due_ms <= time.time() * 1000 < due_ms + 1000


async def test_a_clock_set_back_does_not_stop_reading() -> None:
    times = iter([10_000, 10_000, 4_000])
    clock = Clock(now_ms=lambda: next(times), monotonic_ms=lambda: 0)
    async with asyncio.timeout(1):
        await sleep_until(10_010, clock, asyncio.Event())


async def test_who_asks_is_not_kept_waiting() -> None:
    asked = asyncio.Event()
    asked.set()
    async with asyncio.timeout(1):
        await sleep_until(SYSTEM_CLOCK.now_ms() + 3_600_000, SYSTEM_CLOCK, asked)
    assert not asked.is_set(), "one wish, one reading"
