"""Reads one meter on its schedule, whatever the broker does."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from gridtokenx_edge.agent.recorder import Recorder
from gridtokenx_edge.agent.schedule import next_read_ms, sleep_until
from gridtokenx_edge.clock import Clock, ClockWatch
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import (
    CheckpointError,
    KeyUnavailable,
    MeterError,
    ReadingRefused,
    SpoolError,
)
from gridtokenx_edge.guards import IdentityGuard
from gridtokenx_edge.logs import RepeatFilter, event
from gridtokenx_edge.meters import decode
from gridtokenx_edge.modbus import ModbusDevice
from gridtokenx_edge.records import Sample
from gridtokenx_edge.spool import SpoolThread
from gridtokenx_protocol.record import ClockStatus

_LOGGER = logging.getLogger(__name__)


class ReadingLoop:
    """Reads, guards and records, for ever.

    Attributes:
        refused: How often each reason kept a reading from being signed.
        recorded: How many readings were signed and written.
        appended: Called after each of them.
        turned_at_ms: Monotonic time at which the loop last came round.
    """

    def __init__(
        self,
        config: MeterConfig,
        device: ModbusDevice,
        recorder: Recorder,
        thread: SpoolThread,
        clock: Clock,
        watch: ClockWatch,
    ) -> None:
        self._config = config
        self._device = device
        self._identity = IdentityGuard(config.serial, device, clock)
        self._recorder = recorder
        self._thread = thread
        self._clock = clock
        self._watch = watch
        self._repeats = RepeatFilter()
        self._asked = asyncio.Event()
        self._untold: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.recorded = 0
        self.appended: Callable[[], None] = lambda: None
        self.turned_at_ms = clock.monotonic_ms()

    def read_now(self) -> None:
        """Read at once, besides the schedule."""
        self._asked.set()

    def clock_status(self) -> ClockStatus:
        """How far the clock may be trusted now."""
        return self._watch.status()

    async def run(self) -> None:
        """Read at every period and at every boundary, until cancelled."""
        config = self._config
        while True:
            due_ms = next_read_ms(
                self._clock.now_ms(), config.read_every_ms, config.settlement_interval_s
            )
            await sleep_until(due_ms, self._clock, self._asked)
            await self.read_once()
            self.turned_at_ms = self._clock.monotonic_ms()

    async def read_once(self) -> None:
        """One reading, from the meter to the disk. A fault is counted and logged, no more."""
        status = self._watch.status()
        time_ms = self._clock.now_ms()
        try:
            registers = await self._device.read()
            await self._identity.check()
            reading = decode(self._config.profile, registers)
            sample = Sample(reading, time_ms, status, self._untold)
            await self._thread.call(self._recorder.record, sample)
        except ReadingRefused as error:
            self._untold[error.reason] += 1
            self._refuse(error.reason, error)
        except MeterError as error:
            self._refuse(error.reason, error)
        except SpoolError as error:
            self._refuse("spool_not_written", error)
        except KeyUnavailable as error:
            self._refuse("key_unavailable", error)
        except CheckpointError as error:
            self._refuse("checkpoint_not_written", error)
            self._recorded()
        else:
            self._recorded()
            if self._repeats.over():
                event(_LOGGER, logging.INFO, "reading_again", meter=self._config.id.hex())

    def _recorded(self) -> None:
        self.recorded += 1
        self._untold = Counter()
        self.appended()

    def _refuse(self, reason: str, error: Exception) -> None:
        self.refused[reason] += 1
        if self._repeats.due(reason, self._clock.monotonic_ms()):
            event(
                _LOGGER,
                logging.WARNING,
                "reading_refused",
                meter=self._config.id.hex(),
                reason=reason,
                message=str(error),
                count=self.refused[reason],
            )
