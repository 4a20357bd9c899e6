"""A spool that fills, and an uplink in a hurry."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from gridtokenx_edge.agent.stopping import stop_tasks
from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.meters import MeterReading
from gridtokenx_edge.records import Composer, Sample, SignedReading
from gridtokenx_edge.spool import Spool, SpoolThread
from gridtokenx_edge.uplink import Uplink, UplinkTiming
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.record import ClockStatus

FAST = UplinkTiming(
    resend_after_s=0.4,
    retained_ack_s=0.2,
    first_pause_s=0.05,
    longest_pause_s=0.2,
    answer_within_s=1.0,
    keep_alive_s=5,
)
JITTER = Random(1)  # noqa: S311 - it only spreads attempts to connect
T0 = 1_700_000_000_000


def make_uplink(
    config: MeterConfig,
    spool: Spool,
    thread: SpoolThread,
    signer: SoftwareSigner,
    timing: UplinkTiming = FAST,
    read_now: Callable[[], None] = lambda: None,
) -> Uplink:
    """An uplink in a hurry."""
    return Uplink(config, spool, thread, signer, SYSTEM_CLOCK, JITTER, timing, read_now)


@dataclass
class Sender:
    """A spool and its uplink."""

    spool: Spool
    thread: SpoolThread
    uplink: Uplink
    composer: Composer
    asked: list[int]
    time_ms: int = T0

    async def append(self, count: int = 1) -> None:
        for _ in range(count):
            self.time_ms += 1000
            await self.thread.call(self._append)
        self.uplink.wake()

    def _append(self) -> tuple[SignedReading, ...]:
        reading = MeterReading(self.time_ms - T0, 0, 0, 0, 0, 0, {"produced": bytes(8)})
        sample = Sample(reading, self.time_ms, ClockStatus.SYNCHRONISED)
        if self.spool.state is None:
            baseline, state = self.composer.baseline(sample)
            readings: tuple[SignedReading, ...] = (baseline,)
        else:
            readings, state = self.composer.readings(self.spool.state, sample, ())
        self.spool.append(readings, state)
        return readings

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.uplink.run())
        yield
        await stop_tasks([task])
        assert task.cancelled()


async def until(condition: Callable[[], bool]) -> None:
    """For states that no event tells of."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the state is another thread's
            await asyncio.sleep(0.01)
