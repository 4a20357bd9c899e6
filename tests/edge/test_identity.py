"""The serial number behind the address: another meter's readings are never signed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.edge.modbus.line import KINDS_OF_BUS, PRODUCED_WH, Line, open_line

from gridtokenx_edge.agent.baseline import make_baseline
from gridtokenx_edge.agent.reading_loop import ReadingLoop
from gridtokenx_edge.agent.recorder import Recorder
from gridtokenx_edge.clock import Clock, ClockWatch
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import ReadingRefused
from gridtokenx_edge.guards.identity import CHECK_EVERY_MS
from gridtokenx_edge.meters import Profile, load_profile
from gridtokenx_edge.spool import Spool, SpoolThread
from gridtokenx_firmware_sim.faults import Fault
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.payload import Payload
from gridtokenx_protocol.record import ClockStatus, Flag

SERIAL = "1"
# registers as before: no other guard can notice
OTHER_METER = Fault("exchanged", percent=100)


class Bench:
    """A reading loop on a simulated meter, with a clock that is set by hand."""

    def __init__(
        self, line: Line, config: MeterConfig, signer: SoftwareSigner, thread: SpoolThread
    ) -> None:
        self.line = line
        self._produced_wh = PRODUCED_WH
        self.now_ms = 1_700_000_000_000
        self.clock = Clock(lambda: self.now_ms, lambda: self.now_ms)
        self.config = replace(config, profile=line.profile)
        self.device = line.device(timeout_ms=1_000, clock=self.clock)
        self.spool = Spool.open(config.spool)
        self._signer = signer
        self._thread = thread
        self.loop: ReadingLoop

    async def begin(self) -> None:
        await make_baseline(
            self.device, self.spool, self.config, self._signer, self.clock, self.status
        )
        self.loop = ReadingLoop(
            config=self.config,
            device=self.device,
            recorder=Recorder(self.config, self._signer, self.spool, self.clock),
            thread=self._thread,
            clock=self.clock,
            watch=ClockWatch(self.status, self.clock),
        )

    def status(self) -> ClockStatus:
        return ClockStatus.SYNCHRONISED

    async def read(self, after_ms: int = 1_000) -> dict[str, int]:
        """Read once; what was refused by then."""
        self.now_ms += after_ms
        self._produced_wh += 1  # counters that stand still are another guard's concern
        self.line.energy(self._produced_wh)
        await self.loop.read_once()
        return dict(self.loop.refused)

    def last_signed(self) -> Payload:
        """The last ordinary reading."""
        sequence = self.spool.stands().last_sequence
        while True:
            message = self.spool.message(sequence)
            assert message is not None
            payload = Payload.decode(cose.decode(message).payload)
            if not payload.records[0].is_settlement:
                return payload
            sequence -= 1


@asynccontextmanager
async def bench_on(
    kind: str, profile: Profile, config: MeterConfig, signer: SoftwareSigner
) -> AsyncIterator[Bench]:
    thread = SpoolThread()
    async with open_line(kind, profile) as line:
        bench = Bench(line, replace(config, serial=SERIAL), signer, thread)
        try:
            yield bench
        finally:
            bench.spool.close()
            thread.close()


@pytest.mark.parametrize("kind", KINDS_OF_BUS)
async def test_an_exchanged_meter_is_noticed_after_the_next_failure(
    kind: str, profile: Profile, meter_config: MeterConfig, signer: SoftwareSigner
) -> None:
    async with bench_on(kind, profile, meter_config, signer) as bench:
        await bench.begin()
        assert await bench.read() == {}
        recorded = bench.loop.recorded
        bench.line.faults(Fault("silence"), OTHER_METER)
        assert await bench.read() == {"no_reply": 1}
        for count in (1, 2, 3):
            assert await bench.read(60_000) == {"no_reply": 1, "wrong_meter": count}
        assert bench.loop.recorded == recorded
        bench.line.faults()
        await bench.read()
        assert bench.loop.recorded == recorded + 1, "the meter is back"
        payload = bench.last_signed()
        assert payload.records[0].flags & Flag.METER_FAULT
        assert payload.extras is not None
        assert decode_map(payload.extras)["refused"] == {"wrong_meter": 3}
        await bench.read()
        assert not bench.last_signed().records[0].flags & Flag.METER_FAULT


async def test_a_meter_exchanged_without_a_failure_is_noticed_in_a_quarter_of_an_hour(
    profile: Profile, meter_config: MeterConfig, signer: SoftwareSigner
) -> None:
    async with bench_on("tcp", profile, meter_config, signer) as bench:
        await bench.begin()
        assert await bench.read() == {}
        bench.line.faults(OTHER_METER)
        assert await bench.read(CHECK_EVERY_MS - 1) == {}, "nobody can know yet"
        assert await bench.read(1) == {"wrong_meter": 1}


async def test_a_connection_that_was_opened_anew_is_checked(
    profile: Profile, meter_config: MeterConfig, signer: SoftwareSigner
) -> None:
    """Without any reading that failed: the far end hung up in between."""
    async with bench_on("tcp", profile, meter_config, signer) as bench:
        await bench.begin()
        assert await bench.read() == {}
        bench.line.faults(OTHER_METER)
        bench.line.pool.close()
        assert await bench.read() == {"wrong_meter": 1}


async def test_no_baseline_of_another_meter(
    profile: Profile, meter_config: MeterConfig, signer: SoftwareSigner
) -> None:
    async with bench_on("tcp", profile, meter_config, signer) as bench:
        bench.line.faults(OTHER_METER)
        with pytest.raises(ReadingRefused, match="serial number 2, the settings 1"):
            await bench.begin()
        assert bench.spool.state is None


async def test_without_a_serial_number_in_the_settings_none_is_read(
    profile: Profile, meter_config: MeterConfig, signer: SoftwareSigner
) -> None:
    async with bench_on("tcp", profile, meter_config, signer) as bench:
        bench.config = replace(bench.config, serial=None)
        await bench.begin()
        bench.line.faults(Fault("silence"), OTHER_METER)
        await bench.read()
        assert await bench.read(60_000) == {"no_reply": 1}


async def test_a_sunspec_meter_is_told_by_its_common_model(
    meter_config: MeterConfig, signer: SoftwareSigner
) -> None:
    profile = load_profile("sunspec", Path())
    async with bench_on("tcp", profile, meter_config, signer) as bench:
        bench.config = replace(bench.config, serial="00000001")
        await bench.begin()
        bench.line.faults(Fault("silence"), OTHER_METER)
        await bench.read()
        assert await bench.read(60_000) == {"no_reply": 1, "wrong_meter": 1}
