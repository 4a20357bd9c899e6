"""The whole agent as a process: meter, disk and broker are real."""

import signal
from typing import Any

import pytest

from gridtokenx_protocol.record import ClockStatus


@pytest.fixture
async def site(make_site: Any, broker: Any) -> Any:
    return await make_site(broker.port)


async def test_each_boundary_gets_its_pair(site: Any, broker: Any, hub: Any, meter: Any) -> None:
    async with hub.connect(broker.port):
        agent = await site.start("run")
        await hub.until(lambda: len(hub.settlements) >= 3)
        meter.energy(20_000_002_000, 30_000_000_000)
        await hub.until(lambda: hub.settlements[-1].surplus_mwh == 2_000)
        agent.send_signal(signal.SIGTERM)
        assert await agent.wait() == 0
    times = [record.time_ms for record in hub.settlements]
    assert times == list(range(times[0], times[-1] + 1, 1000))
    for settlement in hub.settlements:
        before = hub.records[settlement.sequence - 1]
        extras = hub.extras[before.sequence]
        assert extras["profile"] == "schneider-iem3155"
        assert (
            int.from_bytes(extras["registers"]["produced"], "big") * 1000
            == before.produced_mwh
            == settlement.produced_mwh
        )
        assert 0 <= before.time_ms - settlement.time_ms < 1000
        assert settlement.clock is ClockStatus.SYNCHRONISED
    assert sorted(hub.records) == list(range(1, len(hub.records) + 1))
    assert not hub.equivocations
