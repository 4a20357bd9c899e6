"""The wall clock of the running agent jumps, or is not kept by any time service.

The house has sun all day: what the last settlement reading counts as surplus is, to the mWh, what
the meter counted, however many boundaries were jumped over, closed late or met twice.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.adversity.edge.house import PATIENCE_S, House, house, simulator
from tests.adversity.edge.wall_clock import WallClock
from tests.adversity.traced import strace

from gridtokenx_protocol.record import ClockStatus, Record

HOUR_S = 3600
RECORDS = 10
SUNNY = "time,produced_w,consumed_w\n00:00,5000,1000\n"
TIME_OK, TIME_ERROR = 0, 5
"""What adjtimex(2) returns while a time service keeps the clock, and when none does."""


@pytest.fixture
async def sunny_port(tmp_path: Path) -> AsyncIterator[int]:
    day = tmp_path / "day.csv"
    day.write_text(SUNNY)
    async with simulator(tmp_path, scenario=("--csv", str(day))) as port:
        yield port


@asynccontextmanager
async def clocked(
    folder: Path, meter_port: int, interval_s: int, ahead_s: int = 0
) -> AsyncIterator[tuple[House, WallClock]]:
    async with house(folder, meter_port, interval_s=interval_s) as here:
        clock = WallClock(folder / "ahead")
        clock.set(ahead_s)
        yield here, clock


async def until(here: House, count: int, *, settlements: bool = False) -> list[Record]:
    """Wait for so many more records, or settlement readings; returns these."""
    known = len(here.hub.settlements if settlements else here.hub.records)

    def new() -> list[Record]:
        found = here.hub.settlements if settlements else list(here.hub.records.values())
        return found[known:]

    await here.hub.until(lambda: len(new()) >= count, PATIENCE_S)
    return new()


async def of_this_run(here: House, begun: int, *, settled: bool) -> list[Record]:
    """Wait for some records behind a sequence, one of them a settlement reading if that is due.

    What the run before has spooled may come first.
    """

    def new() -> list[Record]:
        return [record for sequence, record in here.hub.records.items() if sequence > begun]

    await here.hub.until(
        lambda: len(new()) >= RECORDS and (not settled or any(r.is_settlement for r in new())),
        PATIENCE_S,
    )
    return new()


async def until_clock(here: House, status: ClockStatus) -> None:
    """Wait for a new record whose clock has this status."""
    known = max(here.hub.records)
    await here.hub.until(
        lambda: any(s > known and r.clock is status for s, r in here.hub.records.items()),
        PATIENCE_S,
    )


def settled(here: House, interval_s: int) -> Sequence[Record]:
    """Check the whole chain; returns its settlement readings."""
    here.check()
    here.check_chain()
    records = here.hub.records
    before = records[1]
    for settlement in here.hub.settlements:
        assert settlement.clock is ClockStatus.SYNCHRONISED
        assert settlement.time_ms % (interval_s * 1000) == 0
        assert settlement.time_ms > before.time_ms, "a boundary is closed once, and in order"
        raw = records[settlement.sequence - 1]
        assert (raw.produced_mwh, raw.consumed_mwh) == (
            settlement.produced_mwh,
            settlement.consumed_mwh,
        )
        before = settlement
    first = records[1]
    counted = before.produced_mwh - first.produced_mwh - before.consumed_mwh + first.consumed_mwh
    assert before.surplus_mwh == counted > 0, "surplus was lost or doubled"
    return here.hub.settlements


async def jumps_while_it_runs(folder: Path, meter_port: int, ahead_s: int) -> None:
    """For a minute nothing is settled, then once for all that was counted meanwhile."""
    async with clocked(folder, meter_port, 1) as (here, clock):
        agent = await here.start(*clock.under)
        await until(here, 2, settlements=True)
        clock.set(ahead_s)
        await until_clock(here, ClockStatus.INFORMATIVE)
        held = len(here.hub.settlements)
        await until(here, 20)
        assert len(here.hub.settlements) == held
        await until_clock(here, ClockStatus.SYNCHRONISED)
        if ahead_s > 0:
            await until(here, 2, settlements=True)
        else:  # these boundaries were closed before the jump
            await until(here, 10)
            assert len(here.hub.settlements) == held
            await agent.stopped()
            clock.set(0)
            agent = await here.start(*clock.under)
            await until(here, 2, settlements=True)
        await agent.stopped()
        settled(here, 1)


async def test_an_hour_while_it_runs(tmp_path: Path, sunny_port: int) -> None:
    async with asyncio.TaskGroup() as lives:
        for name, ahead_s in (("forward", HOUR_S), ("back", -HOUR_S)):
            lives.create_task(jumps_while_it_runs(tmp_path / name, sunny_port, ahead_s))


async def test_an_hour_between_two_runs(tmp_path: Path, sunny_port: int) -> None:
    """A run that begins in the past closes no boundary until time has come there."""
    async with clocked(tmp_path / "clocked", sunny_port, 1) as (here, clock):
        for ahead_s, closes in ((0, True), (-HOUR_S, False), (HOUR_S, True), (0, False)):
            clock.set(ahead_s)
            begun = max(here.rows())
            agent = await here.start(*clock.under)
            records = await of_this_run(here, begun, settled=closes)
            await agent.stopped()
            assert any(record.is_settlement for record in records) == closes
        clock.set(HOUR_S + 60)
        begun = max(here.rows())
        agent = await here.start(*clock.under)
        await of_this_run(here, begun, settled=True)
        await agent.stopped()
        settled(here, 1)


async def test_to_and_fro_over_a_boundary(tmp_path: Path, sunny_port: int) -> None:
    """It is closed once, however often the clock comes to it."""
    interval_s = 900
    to_boundary_s = interval_s - int(time.time()) % interval_s
    before_s, behind_s = to_boundary_s - 300, to_boundary_s + 30
    async with clocked(tmp_path / "clocked", sunny_port, interval_s, before_s) as (here, clock):
        agent = await here.start(*clock.under)
        await until(here, 5)
        clock.set(behind_s)
        await until_clock(here, ClockStatus.INFORMATIVE)
        assert not here.hub.settlements
        (closed,) = await until(here, 1, settlements=True)
        for ahead_s in (before_s, behind_s):
            await agent.stopped()
            clock.set(ahead_s)
            agent = await here.start(*clock.under)
            await until(here, 10)
        await agent.stopped()
        assert settled(here, interval_s) == [closed]
        clock.set(behind_s + interval_s)
        agent = await here.start(*clock.under)
        (following,) = await until(here, 1, settlements=True)
        await agent.stopped()
        assert settled(here, interval_s) == [closed, following]
        assert following.time_ms - closed.time_ms == interval_s * 1000


async def test_no_time_service(tmp_path: Path, sunny_port: int) -> None:
    """While the kernel says so, readings are signed with that flag, and no boundary is closed."""
    async with house(tmp_path / "house", sunny_port) as here:
        here.site.clock = "system"
        here.site.write()
        for state in (TIME_OK, TIME_ERROR, TIME_OK):
            begun = max(here.rows())
            calls = "adjtimex,clock_adjtime"
            answer = ("-e", f"trace={calls}", "-e", f"inject={calls}:retval={state}")
            agent = await here.start(*strace(tmp_path / "trace", *answer))
            records = await of_this_run(here, begun, settled=state == TIME_OK)
            await agent.stopped()
            if state == TIME_ERROR:
                assert {record.clock for record in records} == {ClockStatus.INFORMATIVE}
        settled(here, 1)
