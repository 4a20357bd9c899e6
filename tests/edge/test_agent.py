"""The whole agent as a process: meter, disk and broker are real."""

import asyncio
import json
import random
import signal
import sqlite3
from typing import Any

import aiomqtt
import pytest
from tests.edge.broker import Broker
from tests.edge.fake_hub import METER_ID, FakeHub
from tests.edge.fake_meter import FakeMeter
from tests.edge.site import MakeSite, Site

from gridtokenx_edge.keystore import create_signing_key
from gridtokenx_edge.spool.inspect import Report, verify
from gridtokenx_edge.spool.schema import open_for_reading
from gridtokenx_edge.spool.spool import JUMP
from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.record import ClockStatus, Flag
from gridtokenx_protocol.registers import DecodingRule, decode_registers
from gridtokenx_protocol.topics import READINGS_FILTER, readings_topic


@pytest.fixture
async def site(make_site: MakeSite, broker: Broker) -> Site:
    return await make_site(broker.port)


async def stop(agent: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    """Stop an agent as systemd does; its log."""
    agent.send_signal(signal.SIGTERM)
    _, log = await agent.communicate()
    assert agent.returncode == 0, log.decode()
    return [json.loads(line) for line in log.decode().splitlines()]


def spooled(site: Site) -> list[int]:
    connection = sqlite3.connect(f"file:{site.folder / 'spool.db'}?mode=ro", uri=True)
    rows = connection.execute("SELECT sequence FROM reading ORDER BY sequence").fetchall()
    connection.close()
    return [sequence for (sequence,) in rows]


def walk(site: Site, public_key: bytes) -> Report:
    connection = open_for_reading(site.folder / "spool.db")
    report = verify(connection, (public_key,))
    connection.close()
    return report


async def until_spooled(site: Site, count: int) -> None:
    async with asyncio.timeout(20):
        while len(spooled(site)) < count:  # noqa: ASYNC110 - another process writes the file
            await asyncio.sleep(0.05)


async def test_each_boundary_gets_its_pair(
    site: Site, broker: Broker, hub: FakeHub, meter: FakeMeter
) -> None:
    async with hub.connect(broker.port):
        agent = await site.start("run")
        await hub.until(lambda: len(hub.settlements) >= 2)
        meter.energy(20_000_002_000, 30_000_000_000)
        await hub.until(lambda: hub.settlements[-1].surplus_mwh == 2_000)
        await stop(agent)
    times = [record.time_ms for record in hub.settlements]
    assert times == list(range(times[0], times[-1] + 1, 1000))
    for settlement in hub.settlements:
        before = hub.records[settlement.sequence - 1]
        extras = hub.extras[before.sequence]
        assert extras["profile"]["name"] == "schneider-iem3155"
        rule = DecodingRule.from_signed_form(extras["decoding"]["produced"])
        shown = decode_registers(rule, extras["registers"]["produced"])
        assert shown == before.produced_mwh == settlement.produced_mwh
        assert (
            int.from_bytes(extras["registers"]["produced"], "big") * 1000
            == before.produced_mwh
            == settlement.produced_mwh
        )
        assert 0 <= before.time_ms - settlement.time_ms < 1000
        assert settlement.clock is ClockStatus.SYNCHRONISED
    assert sorted(hub.records) == list(range(1, len(hub.records) + 1))
    assert not hub.equivocations


async def test_reads_and_spools_without_a_broker(site: Site, broker: Broker, hub: FakeHub) -> None:
    await broker.stop()
    agent = await site.start("run")
    await until_spooled(site, 8)
    await broker.start()
    async with hub.connect(broker.port):
        await hub.until(lambda: hub.acked >= 8)
        await stop(agent)
    assert sorted(hub.records)[:8] == list(range(1, 9))


async def test_a_transient_zero_is_never_signed(
    site: Site, broker: Broker, hub: FakeHub, meter: FakeMeter
) -> None:
    async with hub.connect(broker.port):
        agent = await site.start("run")
        await hub.until(lambda: len(hub.records) >= 4)
        meter.fault = "zero"
        await asyncio.sleep(0.7)
        meter.fault = None
        known = len(hub.records)
        await hub.until(lambda: len(hub.records) >= known + 5)
        log = await stop(agent)
    assert all(record.produced_mwh == 20_000_000_000 for record in hub.records.values())
    assert {"register_zero"} == {line["reason"] for line in log if "reason" in line}
    assert any(line["event"] == "reading_again" for line in log)


async def test_a_dead_meter_is_read_again(
    site: Site, broker: Broker, hub: FakeHub, meter: FakeMeter
) -> None:
    async with hub.connect(broker.port):
        agent = await site.start("run")
        await hub.until(lambda: len(hub.records) >= 3)
        for fault in ("silent", "exception", "cut"):
            meter.fault = fault
            await asyncio.sleep(0.3)
            meter.fault = None
            await hub.more_records()
        await stop(agent)
    assert not hub.equivocations


@pytest.mark.soak
async def test_killed_again_and_again_it_loses_and_repeats_nothing(
    site: Site, broker: Broker, hub: FakeHub, soak_times: int
) -> None:
    chance = random.Random(7)  # noqa: S311 - the same moments in every run
    async with hub.connect(broker.port):
        for _ in range(6 * soak_times):
            agent = await site.start("run")
            await hub.more_records()
            await asyncio.sleep(chance.uniform(0, 0.8))
            agent.kill()
            await agent.communicate()
            report = walk(site, hub.public_key)
            assert report.problems == []
            assert report.holes == []
            assert set(range(1, hub.acked + 1)) <= set(spooled(site)), "acknowledged and held"
        agent = await site.start("run")
        last = spooled(site)[-1]
        await hub.until(lambda: hub.acked > last)
        await stop(agent)
    code, output, _ = await site.command("spool", "verify")
    assert code == 0, output
    assert not hub.equivocations
    assert sorted(hub.records) == list(range(1, max(hub.records) + 1))
    for sequence in range(2, max(hub.records) + 1):
        assert hub.records[sequence].previous_hash == hub.hashes[sequence - 1]


async def test_a_lost_spool_goes_on_behind_a_gap(site: Site, broker: Broker, hub: FakeHub) -> None:
    async with hub.connect(broker.port):
        agent = await site.start("run")
        await hub.until(lambda: len(hub.settlements) >= 1)
        await stop(agent)
        used = set(spooled(site))
        for path in site.folder.glob("spool.db*"):
            path.unlink()
        agent = await site.start("run")
        await hub.until(lambda: max(hub.records) > JUMP)
        await hub.until(lambda: hub.acked > JUMP)
        await stop(agent)
    first = min(sequence for sequence in hub.records if sequence > JUMP)
    assert first > max(used)
    assert hub.records[first].flags & Flag.GAP
    assert not hub.equivocations


async def test_without_a_baseline_it_does_not_start(make_site: MakeSite, broker: Broker) -> None:
    site = await make_site(broker.port, baseline=False)
    code, _, errors = await site.command("run")
    assert code == 1
    assert "run gtx-edge baseline first" in errors
    assert "Traceback" not in errors


async def test_only_one_agent_has_a_spool(site: Site) -> None:
    agent = await site.start("run")
    await until_spooled(site, 2)
    code, _, errors = await site.command("run")
    assert code == 1
    assert "in use by another process" in errors
    await stop(agent)


async def test_several_meters_on_one_bus(site: Site, broker: Broker, meter: FakeMeter) -> None:
    other_id = "ff" * 16
    first = site.config.read_text()
    second = first[first.index("[[meter]]") :].replace(METER_ID.hex(), other_id)
    second = second.replace("meter.key", "other.key").replace("spool.db", "other.db")
    create_signing_key(site.folder / "other.key", Algorithm.P256)
    site.config.write_text(first + second)
    code, output, errors = await site.command("baseline", "--meter", other_id)
    assert code == 0, errors
    assert json.loads(output)["algorithm"] == "p256"
    async with aiomqtt.Client("127.0.0.1", broker.port) as listener:
        await listener.subscribe(READINGS_FILTER, qos=1)
        agent = await site.start("run")
        topics = set()
        async with asyncio.timeout(20):
            async for message in listener.messages:
                topics.add(str(message.topic))
                if len(topics) == 2:
                    break
        await stop(agent)
    assert topics == {readings_topic(METER_ID), readings_topic(bytes.fromhex(other_id))}
    for meter_id in (METER_ID.hex(), other_id):
        code, _, errors = await site.command("spool", "verify", "--meter", meter_id)
        assert code == 0, errors


async def test_stops_at_once_while_the_meter_is_silent(site: Site, meter: FakeMeter) -> None:
    meter.fault = "silent"
    meter.requests.clear()
    agent = await site.start("run")
    async with asyncio.timeout(20):
        while not meter.requests:  # noqa: ASYNC110 - another process asks
            await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        await stop(agent)
