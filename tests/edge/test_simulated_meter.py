"""Profiles and agent against the simulated meter, which has a register map of its own."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.edge.broker import Broker
from tests.edge.fake_hub import FakeHub
from tests.edge.site import MakeSite

PRODUCED_MWH = 20_000_000
CONSUMED_MWH = 8_000_000
DAY_IN_SECONDS = 4


@asynccontextmanager
async def simulated_meter(
    model: str, folder: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("gtx-meter-sim")),
        *("--model", model, "--scenario", "seed", "--house", "a", "--hold"),
        *("--state", str(folder / "meter.json"), "--speed", str(86_400 // DAY_IN_SECONDS)),
        *("--lifetime-wh-export", "20000000", "--lifetime-wh-import", "30000000"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process, json.loads(await process.stdout.readline())["listening"]
    finally:
        process.terminate()
        await process.communicate()


@pytest.mark.parametrize("model", ["schneider-iem3155", "eastron-sdm630"])
async def test_a_day_reaches_the_hub_to_the_milliwatt_hour(
    make_site: MakeSite, broker: Broker, hub: FakeHub, tmp_path: Path, model: str
) -> None:
    async with simulated_meter(model, tmp_path) as (process, port), hub.connect(broker.port):
        site = await make_site(broker.port, baseline=False, profile=model)
        site.meter_port = port
        # a day in seconds is as much more power than the house has
        site.limits_w = 1_000_000_000
        site.write()
        code, _, errors = await site.command("baseline")
        assert code == 0, errors
        agent = await site.start("run")
        await hub.until(lambda: len(hub.records) >= 2)
        start = hub.records[1]
        process.send_signal(signal.SIGUSR1)
        await hub.until(
            lambda: (
                bool(hub.settlements)
                and hub.settlements[-1].produced_mwh == start.produced_mwh + PRODUCED_MWH
            )
        )
        agent.send_signal(signal.SIGTERM)
        _, log = await agent.communicate()
    assert agent.returncode == 0
    assert "register_" not in log.decode(), "no guard refused an honest meter"
    end = hub.settlements[-1]
    assert start.produced_mwh == 20_000_000_000
    assert end.consumed_mwh - start.consumed_mwh <= CONSUMED_MWH
    previous, surplus = start, 0
    for settlement in hub.settlements:
        net = (settlement.produced_mwh - previous.produced_mwh) - (
            settlement.consumed_mwh - previous.consumed_mwh
        )
        surplus += max(0, net)
        assert settlement.surplus_mwh == surplus
        previous = settlement
    assert PRODUCED_MWH - CONSUMED_MWH <= end.surplus_mwh <= PRODUCED_MWH
    assert any(record.active_power_mw > 0 for record in hub.records.values())
