"""check-config and status: how an installation stands, part by part."""

import json
from pathlib import Path

import pytest
from tests.edge.broker import Broker
from tests.edge.fake_hub import METER_ID, FakeHub
from tests.edge.fake_meter import FakeMeter
from tests.edge.modbus.line import open_line
from tests.edge.site import MakeSite, Site, command

from demo.processes import free_port
from gridtokenx_edge.config.model import SerialLine
from gridtokenx_edge.meters import Profile

METER = METER_ID.hex()


async def check(site: Site, *arguments: str) -> tuple[int, dict[str, str | None]]:
    """Exit code, and the problem of each part, None if there is none."""
    code, output, errors = await site.command("check-config", "--json", *arguments)
    assert not errors, errors
    answer = json.loads(output)
    parts = answer["meters"][METER]
    assert answer["ok"] is (code == 0)
    return code, {part["check"]: None if part["ok"] else part["message"] for part in parts}


def set_in(site: Site, old: str, new: str) -> None:
    text = site.config.read_text()
    assert text.count(old) == 1
    site.config.write_text(text.replace(old, new))


async def test_all_is_well(make_site: MakeSite, broker: Broker) -> None:
    site = await make_site(broker.port, baseline=False)
    code, output, errors = await site.command("check-config")
    assert code == 0, output + errors
    lines = output.splitlines()
    parts = ("files", "key", "clock", "port", "meter", "broker")
    assert len(lines) == len(parts)
    for line, part in zip(lines, parts, strict=True):
        assert line.startswith(f"ok     {METER[:8]} {part}: ")


async def test_offline_tries_nothing(make_site: MakeSite, meter: FakeMeter) -> None:
    site = await make_site(free_port(), baseline=False)
    assert await check(site, "--offline") == (0, {"files": None, "key": None})
    assert not meter.requests


async def test_each_failure_has_its_line(make_site: MakeSite, meter: FakeMeter) -> None:
    """Whatever is wrong, the other parts are tried all the same."""
    site = await make_site(free_port(), baseline=False)
    (site.folder / "meter.key").chmod(0o644)
    set_in(site, 'clock = "trusted"', 'clock = "system"')
    meter.fault = "exception"
    code, problems = await check(site)
    assert code == 1
    assert "chmod 600" in str(problems["key"])
    assert "device_failure" in str(problems["meter"])
    assert "check host, port" in str(problems["broker"])
    assert problems["port"] is None
    set_in(site, f"port = {meter.port}", f"port = {free_port()}")
    _, problems = await check(site)
    assert "cannot connect" in str(problems["port"])
    assert problems["meter"] == "not tried: its port is not open"
    (site.folder / "meter.key").unlink()
    _, problems = await check(site, "--offline")
    assert "gtx-edge keys create" in str(problems["files"])


async def test_another_meter_fails_the_check(
    make_site: MakeSite, broker: Broker, profile: Profile
) -> None:
    """Over a serial line."""
    site = await make_site(broker.port, baseline=False)
    async with open_line("rtu", profile) as line:
        assert isinstance(line.line, SerialLine)
        text = site.config.read_text()
        bus = text[text.index("[meter.bus]") : text.index("[meter.limits]")]
        serial_bus = (
            f'[meter.bus]\nkind = "rtu"\ndevice = "{line.line.device}"\nbaud = {line.line.baud}\n'
            'parity = "none"\ntimeout_ms = 400\n'
        )
        text = text.replace(bus, serial_bus)
        site.config.write_text(text.replace("[meter.bus]", 'serial = "0001"\n[meter.bus]'))
        assert await check(site) == (
            0,
            dict.fromkeys(("files", "key", "clock", "port", "meter", "broker")),
        )
        site.config.write_text(text.replace("[meter.bus]", 'serial = "7"\n[meter.bus]'))
        code, problems = await check(site)
        assert code == 1
        assert "serial number 1, the settings 7" in str(problems["meter"])


async def test_the_agent_is_not_thrown_out_by_a_check(
    make_site: MakeSite, broker: Broker, hub: FakeHub
) -> None:
    site = await make_site(broker.port)
    port = free_port()
    set_in(site, 'clock = "trusted"', f'clock = "trusted"\nhealth = {{ port = {port} }}')
    async with hub.connect(broker.port):
        agent = await site.start("run")
        await hub.until(lambda: len(hub.records) >= 3)
        code, problems = await check(site)
        assert code == 0, problems
        code, output, errors = await site.command("status", "--json")
        assert code == 0, errors
        agent.terminate()
        _, log = await agent.communicate()
    assert b"broker_lost" not in log
    stands = json.loads(output)["meters"][METER]
    assert stands["running"]
    assert stands["connected"]
    assert stands["baseline"]
    assert stands["last_sequence"] >= 3
    code, output, _ = await site.command("status", "--json")
    stands = json.loads(output)["meters"][METER]
    assert not stands["running"]
    assert "connected" not in stands


async def test_status_before_anything_ran(make_site: MakeSite) -> None:
    site = await make_site(baseline=False)
    code, output, errors = await site.command("status")
    assert code == 0, errors
    assert f"meter {METER}\nrunning   False\nbaseline  False\n" in output


@pytest.mark.parametrize("verb", ["status", "check-config"])
async def test_no_settings_are_one_line(verb: str, tmp_path: Path) -> None:
    code, _, errors = await command(verb, "--config", str(tmp_path / "none.toml"))
    assert code == 1
    assert errors.count("\n") == 1
