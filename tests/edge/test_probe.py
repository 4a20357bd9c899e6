"""Finding meters: the right profile, only where the user said, and nothing is written."""

import json
from pathlib import Path

import pytest
from tests.edge.meters.golden import load_case
from tests.edge.meters.test_golden import check_whole, raw_identity
from tests.edge.modbus.line import open_line
from tests.edge.site import command

from demo.processes import free_port
from gridtokenx_edge.config.model import SerialLine, TcpLine
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.meters import (
    decode_identity,
    identity_block,
    load_profile,
    locate,
    shipped_profiles,
)
from gridtokenx_edge.probe import Place, golden_case, hosts_of, search
from gridtokenx_edge.probe.places import units_of

EASTRON = {"eastron-sdm120", "eastron-sdm230", "eastron-sdm630", "eastron-sdm72d-m"}
SCHNEIDER = {"schneider-iem3155", "schneider-pm5110"}
# models of one maker that share a register map: nothing that is read tells them apart
GAVAZZI = {"carlo-gavazzi-em340", "carlo-gavazzi-et340"}
FAMILIES = {name: family for family in (EASTRON, SCHNEIDER, GAVAZZI) for name in family}
PROFILES = [load_profile(name, Path()) for name in shipped_profiles()]


@pytest.mark.parametrize("name", shipped_profiles())
async def test_every_model_is_named(name: str) -> None:
    profile = load_profile(name, Path())
    async with open_line("tcp", profile) as line:
        (found,) = await search([Place(line.line, (1,))], PROFILES, 2_000, lambda _: None)
    best = {fit.profile.name for fit in found.fits if fit.score == found.fits[0].score}
    assert name in best, [(fit.profile.name, fit.score) for fit in found.fits]
    assert best <= FAMILIES.get(name, {name}), "no other maker's meter is taken for it"


async def test_of_two_models_that_fit_the_one_with_the_finer_counter_comes_first() -> None:
    names = ["carlo-gavazzi-em340", "carlo-gavazzi-et340"]
    profiles = [load_profile(name, Path()) for name in reversed(names)]
    async with open_line("tcp", profiles[1]) as line:
        (found,) = await search([Place(line.line, (1,))], profiles, 2_000, lambda _: None)
    assert [fit.profile.name for fit in found.fits] == names


async def test_an_older_model_is_not_taken_for_one_with_a_finer_counter() -> None:
    old = load_profile("carlo-gavazzi-et340", Path())
    async with open_line("tcp", old) as line:
        (found,) = await search([Place(line.line, (1,))], PROFILES, 2_000, lambda _: None)
    names = [fit.profile.name for fit in found.fits]
    assert names[0] == old.name
    assert "carlo-gavazzi-em340" not in names


@pytest.mark.parametrize("kind", ["tcp", "rtu", "rtu-over-tcp"])
async def test_meters_are_found_at_the_units_that_were_named(kind: str) -> None:
    profile = load_profile("schneider-iem3155", Path())
    told: list[str] = []
    async with open_line(kind, profile, meters=3) as line:
        places = [Place(line.line, (2, 3, 9))]
        found = await search(places, [profile], 400, told.append)
        asked = set(line.server.script.requests)
    assert [device.unit for device in found] == [2, 3]
    assert [device.fits[0].serial for device in found] == ["2", "3"]
    assert asked <= {2, 3, 9}
    assert len([line for line in told if " unit " in line]) >= 3


async def test_the_speed_of_a_serial_line_is_found() -> None:
    profile = load_profile("schneider-iem3155", Path())
    async with open_line("rtu", profile, baud=9_600) as line:
        assert isinstance(line.line, SerialLine)
        found = await search([Place(line.line, (1,))], [profile], 400, lambda _: None)
        assert found[0].line == line.line


@pytest.mark.parametrize("name", ["eastron-sdm630", "schneider-iem3155", "sunspec"])
async def test_a_recording_is_a_golden_case(name: str, tmp_path: Path) -> None:
    profile = load_profile(name, Path())
    async with open_line("tcp", profile) as line:
        (found,) = await search([Place(line.line, (1,))], [profile], 2_000, lambda _: None)
    file = tmp_path / name / "recorded.toml"
    file.parent.mkdir()
    file.write_text(golden_case(found.fits[0], "bench"))
    case = load_case(file)
    assert case.origin == "capture"
    assert case.serial == found.fits[0].serial
    located = await locate(profile, case.read)
    await check_whole(case, located)
    assert identity_block(located) is not None
    assert decode_identity(located, await raw_identity(case, located)) == case.serial


async def test_the_command(tmp_path: Path) -> None:
    profile = load_profile("eastron-sdm630", Path())
    file = tmp_path / "case.toml"
    async with open_line("tcp", profile, meters=2) as line:
        assert isinstance(line.line, TcpLine)
        where = ("probe", "--host", "127.0.0.1", "--port", str(line.line.port))
        code, output, errors = await command(*where, "--units", "1-3", "--json")
        assert code == 0, errors
        assert [meter["unit"] for meter in json.loads(output)] == [1, 2]
        assert {meter["profile"] for meter in json.loads(output)} == {"eastron-sdm630"}
        assert "unit 3" in errors
        code, output, errors = await command(*where, "--record", str(file))
        assert code == 0, errors
        assert "eastron-sdm630" in output
        assert file.read_text().startswith('origin = "capture"')
        code, _, errors = await command(*where, "--record", str(file))
        assert code == 1
        assert errors.splitlines()[-1].endswith("File exists; choose another path")
        code, _, errors = await command(*where, "--units", "1,2", "--record", str(file))
        assert errors.splitlines()[-1].endswith("2 fit; name one unit")


async def test_nobody_there_is_one_line() -> None:
    code, output, errors = await command("probe", "--host", "127.0.0.1", "--port", str(free_port()))
    assert (code, output) == (1, "")
    assert errors.splitlines()[-1].startswith("gtx-edge: nobody answers there")
    assert "Traceback" not in errors


@pytest.mark.parametrize("text", ["192.168.0.0/16", "192.168.1.1/24", "::/0", "a/b"])
def test_only_small_subnets(text: str) -> None:
    with pytest.raises(ConfigError, match="subnet"):
        hosts_of(text)


@pytest.mark.parametrize("text", ["", "a..b", "a" * 100, "a\0b"])
def test_hosts_that_cannot_be(text: str) -> None:
    with pytest.raises(ConfigError, match="write a name"):
        hosts_of(text)


def test_hosts_of_a_small_subnet() -> None:
    assert hosts_of("192.168.1.0/30") == ["192.168.1.1", "192.168.1.2"]
    assert hosts_of("meter.local") == ["meter.local"]


@pytest.mark.parametrize("text", ["", "0", "248", "a", "1-", "-1", "1-300", "9999", "²"])
def test_wrong_units(text: str) -> None:
    with pytest.raises(ConfigError, match="--units"):
        units_of(text)


def test_units() -> None:
    assert units_of("1-3,7,2") == (1, 2, 3, 7)
