"""Reads one meter on its schedule, whatever the broker does."""

import logging
from collections import Counter
from collections.abc import Callable

from gridtokenx_edge.agent.recorder import Recorder
from gridtokenx_edge.agent.schedule import next_read_ms, sleep_until
from gridtokenx_edge.clock import Clock, ClockWatch
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import CheckpointError, MeterError, ReadingRefused, SpoolError
from gridtokenx_edge.logs import RepeatFilter, event
from gridtokenx_edge.meters import decode
from gridtokenx_edge.modbus import ModbusDevice
from gridtokenx_edge.records import Sample
from gridtokenx_edge.spool import SpoolThread

_LOGGER = logging.getLogger(__name__)


class ReadingLoop:
    """Reads, guards and records, for ever.

    Attributes:
        refused: How often each reason kept a reading from being signed.
    """

    def __init__(
        self,
        config: MeterConfig,
        device: ModbusDevice,
        recorder: Recorder,
        thread: SpoolThread,
        clock: Clock,
        watch: ClockWatch,
        appended: Callable[[], None],
    ) -> None:
        self._config = config
        self._device = device
        self._recorder = recorder
        self._thread = thread
        self._clock = clock
        self._watch = watch
        self._appended = appended
        self._repeats = RepeatFilter()
        self.refused: Counter[str] = Counter()

    async def run(self) -> None:
        """Read at every period and at every boundary, until cancelled."""
        config = self._config
        while True:
            due_ms = next_read_ms(
                self._clock.now_ms(), config.read_every_ms, config.settlement_interval_s
            )
            await sleep_until(due_ms, self._clock)
            await self.read_once()

    async def read_once(self) -> None:
        """One reading, from the meter to the disk. A fault is counted and logged, no more."""
        status = self._watch.status()
        time_ms = self._clock.now_ms()
        try:
            reading = decode(self._config.profile, await self._device.read())
            sample = Sample(reading, time_ms, status)
            await self._thread.call(self._recorder.record, sample)
        except (MeterError, ReadingRefused) as error:
            self._refuse(error.reason, error)
        except SpoolError as error:
            self._refuse("spool_not_written", error)
        except CheckpointError as error:
            self._refuse("checkpoint_not_written", error)
            self._appended()
        else:
            self._appended()
            if self._repeats.over():
                event(_LOGGER, logging.INFO, "reading_again", meter=self._config.id.hex())

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
