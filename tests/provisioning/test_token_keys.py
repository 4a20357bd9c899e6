"""The signing key in a PKCS #11 token: SoftHSM stands for the chip beside the meter."""

import json
import shutil
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hub_world import HubWorld
from installer import change_code, history, install_code
from tests.adversity.edge.small_disk import small_disk
from tests.edge.softhsm import PIN, SoftHsm, make_token, needs_softhsm, writes_per_key
from tests.provisioning.door import Door
from tests.provisioning.on_site import Device, Outcome
from tests.provisioning.seen import highest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_softhsm]


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    """A token of this test's own."""
    return make_token(tmp_path / "hsm", "house meters", monkeypatch)


@pytest_asyncio.fixture(loop_scope="session")
async def chip(device: Device, token: SoftHsm) -> AsyncIterator[Device]:
    """A device with the PIN of its token; stale locks of a killed module do no harm."""
    state = device.folder / "state"
    state.mkdir(mode=0o700)
    pin = state / "token.pin"
    pin.touch(mode=0o600)
    pin.write_text(f"{PIN}\n")
    yield device


def key_uri(device: Device) -> str:
    """The key that the settings name."""
    uri: str = tomllib.loads((device.settings / "edge.toml").read_text())["meter"][0]["key"]
    return uri


def label(device: Device, number: int) -> str:
    return f"gridtokenx-{device.meter.serial}-{number}"


async def in_force(world: HubWorld, device: Device, done: Outcome, number: int) -> None:
    """The hub knows the key with this number, and the settings name it."""
    assert f"object={label(device, number)}?" in key_uri(device)
    meter_id = bytes.fromhex(done.result["meter_id"])
    row = await world.pool.fetchrow("SELECT * FROM meters WHERE meter_id = $1", meter_id)
    assert row is not None
    shown = await device.public_key()
    assert row["public_key"].hex() == shown["public_key"] == done.result["public_key"]
    assert shown["algorithm"] == "p256"


async def installed_in(world: HubWorld, chip: Device, token: SoftHsm) -> bytes:
    done = await chip.install(
        await install_code(world, await world.user()), "--pkcs11", token.uri, "--wait", "60"
    )
    assert done.code == 0, done.lines
    return bytes.fromhex(done.result["meter_id"])


async def test_the_whole_way(world: HubWorld, chip: Device, token: SoftHsm) -> None:
    """Installed, then two more keys; each is in the token, the first one until that is asked."""
    code = await install_code(world, await world.user(), serial=chip.meter.serial)
    where = ("--pkcs11", token.uri)
    done = await chip.install(code, *where, "--wait", "60")
    assert done.code == 0, done.lines
    await in_force(world, chip, done, 1)
    assert token.labels() == {label(chip, 1)}
    state = chip.folder / "state"
    assert not (state / "meter.key").exists()
    assert (state / "tls.key").exists()
    assert (await chip.install(code, *where)).result == done.result
    meter_id = bytes.fromhex(done.result["meter_id"])
    code = await change_code(world, "rotate_key", meter_id)
    turned = await chip.change("rotate-key", code, "--wait", "60")
    assert turned.code == 0, turned.lines
    await in_force(world, chip, turned, 2)
    assert token.labels() == {label(chip, 1), label(chip, 2)}
    told = next(line for line in turned.lines if "--destroy-old-key" in line)
    assert f"object={label(chip, 1)}" in told
    again = await chip.change("rotate-key", code, "--destroy-old-key")
    assert again.result == turned.result
    assert token.labels() == {label(chip, 2)}
    code = await change_code(world, "rotate_key", meter_id)
    last = await chip.change("rotate-key", code, "--destroy-old-key", "--wait", "60")
    assert last.code == 0, last.lines
    await in_force(world, chip, last, 3)
    assert token.labels() == {label(chip, 3)}
    assert not any("--destroy-old-key" in line for line in last.lines)
    assert await history(world, meter_id) == 3
    for path in chip.folder.rglob("*"):
        if path.is_file() and token.folder not in path.parents and path.name != "token.pin":
            assert PIN not in path.read_bytes().decode(errors="replace"), path


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["/claims", "/registration", "/done"])
async def test_installation_broken(
    world: HubWorld, chip: Device, token: SoftHsm, door: Door, when: str, step: str
) -> None:
    """Killed on the way to the hub, or before its answer arrives: the same key goes on."""
    code = await install_code(world, await world.user())
    door.cut = (when, step)
    assert (await chip.install(code, "--pkcs11", token.uri)).code < 0
    door.cut = None
    assert token.labels() == {label(chip, 1)}
    done = await chip.install(code, "--pkcs11", token.uri)
    assert done.code == 0, done.lines
    await in_force(world, chip, done, 1)
    assert token.labels() == {label(chip, 1)}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["/claims", "/rotation", "/done"])
async def test_rotation_broken(
    world: HubWorld, chip: Device, token: SoftHsm, door: Door, when: str, step: str
) -> None:
    meter_id = await installed_in(world, chip, token)
    code = await change_code(world, "rotate_key", meter_id)
    door.cut = (when, step)
    assert (await chip.change("rotate-key", code)).code < 0
    door.cut = None
    both = {label(chip, 1), label(chip, 2)}
    assert token.labels() == both
    stored = await highest(world, meter_id)
    done = await chip.change("rotate-key", code, "--wait", "60")
    assert done.code == 0, done.lines
    await in_force(world, chip, done, 2)
    assert token.labels() == both
    assert await history(world, meter_id) == 2
    assert await highest(world, meter_id) > stored


@pytest.mark.parametrize("part", [0.1, 0.4, 0.6, 1])
async def test_broken_while_the_token_draws_the_key(
    world: HubWorld, chip: Device, token: SoftHsm, part: float
) -> None:
    """SIGKILL in the public half, in the private half, and when only its number is missing."""
    writes = writes_per_key(token, chip.folder)
    code = await install_code(world, await world.user())
    under = token.dies_at(chip.folder / "trace", int(part * writes))
    dead = await chip.install(code, "--pkcs11", token.uri, under=under)
    assert dead.code < 0, dead.lines
    assert not any(line.startswith("key: made") for line in dead.lines)
    done = await chip.install(code, "--pkcs11", token.uri, "--wait", "60")
    assert done.code == 0, done.lines
    await in_force(world, chip, done, 1)
    assert token.labels() == {label(chip, 1), "counted"}
    told = "".join(done.lines)
    assert ("keys without a name" in told) == (part == 0.6)
    assert ("only in part" in told) == (part == 1)


async def test_a_key_of_work_before_is_told(
    world: HubWorld, chip: Device, token: SoftHsm, door: Door
) -> None:
    """A folder given up leaves its key in the token: the next one has another, and says so."""
    code = await install_code(world, await world.user())
    door.cut = ("before", "/claims")
    assert (await chip.install(code, "--pkcs11", token.uri)).code < 0
    door.cut = None
    shutil.rmtree(chip.settings)
    done = await chip.install(code, "--pkcs11", token.uri)
    assert done.code == 0, done.lines
    await in_force(world, chip, done, 2)
    told = next(line for line in done.lines if "also holds" in line)
    assert label(chip, 1) in told


async def test_another_place_than_before(
    world: HubWorld, chip: Device, token: SoftHsm, door: Door
) -> None:
    code = await install_code(world, await world.user())
    door.cut = ("before", "/registration")
    assert (await chip.install(code, "--pkcs11", token.uri)).code < 0
    door.cut = None
    line = (await chip.install(code)).fails("FolderError")
    assert label(chip, 1) in line


async def test_what_is_wrong_with_the_token(world: HubWorld, chip: Device, token: SoftHsm) -> None:
    """Each has its name, and leaves nothing in the token; when it is mended, the code goes on."""
    code = await install_code(world, await world.user())
    where = ("--pkcs11", token.uri)
    (await chip.install(code, "--pkcs11", "pkcs11:token=a;object=b")).fails("ConfigError")
    away = token.uri.replace("house%20meters", "none")
    (await chip.install(code, "--pkcs11", away)).fails("TokenMissing")
    pin = chip.folder / "state" / "token.pin"
    pin.write_text("999999\n")
    line = (await chip.install(code, *where)).fails("PinRefused")
    assert str(pin) in line
    assert "999999" not in line
    pin.write_text(f"{PIN}\n")
    for missing in ("CKM_ECDSA", "CKM_EC_KEY_PAIR_GEN"):
        token.allow(missing)
        (await chip.install(code, *where)).fails("MechanismMissing")
    token.allow()
    assert not token.labels()
    done = await chip.install(code, *where)
    assert done.code == 0, done.lines
    await in_force(world, chip, done, 1)


async def test_a_token_without_room(
    world: HubWorld, chip: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk of the token is full when the next key is drawn."""
    async with small_disk(tmp_path / "disk", "1m") as disk:
        token = make_token(disk.folder / "hsm", "house meters", monkeypatch)
        meter_id = await installed_in(world, chip, token)
        code = await change_code(world, "rotate_key", meter_id)
        disk.fill()
        line = (await chip.change("rotate-key", code)).fails("KeyFileError")
        assert "has the token room" in line
        disk.make_room()
        done = await chip.change("rotate-key", code)
        assert done.code == 0, done.lines
        await in_force(world, chip, done, 2)
        assert token.labels() == {label(chip, 1), label(chip, 2)}


async def test_the_token_is_away_at_a_rotation(
    world: HubWorld, chip: Device, token: SoftHsm
) -> None:
    meter_id = await installed_in(world, chip, token)
    code = await change_code(world, "rotate_key", meter_id)
    elsewhere = token.tokens.rename(token.folder / "elsewhere")
    token.tokens.mkdir()
    (await chip.change("rotate-key", code)).fails("TokenMissing")
    token.tokens.rmdir()
    elsewhere.rename(token.tokens)
    done = await chip.change("rotate-key", code)
    assert done.code == 0, done.lines
    steps = json.loads((chip.settings / "rotate-key.json").read_text())
    assert f"object={label(chip, 2)}?" in steps["key"]["new"]
    await in_force(world, chip, done, 2)
