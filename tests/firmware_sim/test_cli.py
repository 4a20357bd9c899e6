"""The command, as a process of its own."""

import asyncio
import json
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

COMMAND = Path(sys.executable).with_name("gtx-meter-sim")
# Only ends a test that hangs: a busy machine takes many seconds to start a process.
PATIENCE_S = 60


@asynccontextmanager
async def running(*options: object) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    process = await asyncio.create_subprocess_exec(
        COMMAND, *map(str, options), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE_S))
        yield process, ready["listening"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()  # to the end of its output, which closes the pipe


async def registers(port: int) -> tuple[int, int]:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5)
    assert await client.connect()
    try:
        answer = await client.read_holding_registers(3203, count=8)
        imported, exported = struct.unpack(">qq", struct.pack(">8H", *answer.registers))
        return exported, imported
    finally:
        client.close()


def memory(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(path.read_text())
    return state


async def until(path: Path, key: str, above: int = 0) -> None:
    """The process says what it does in this file alone, so it is polled."""
    async with asyncio.timeout(PATIENCE_S):
        while not memory(path)[key] > above:  # noqa: ASYNC110 - another process cannot set an event here
            await asyncio.sleep(0.02)


async def test_a_held_day_begins_at_the_signal_and_survives_a_kill(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    options = ("--hold", "--state", state, "--speed")
    async with running(*options, 1_000) as (process, port):
        assert await registers(port) == (4_096_000, 8_192_000)
        assert not memory(state)["begun"]
        process.send_signal(signal.SIGUSR1)
        await until(state, "exported_counts", above=4_096_000)
        exported, imported = await registers(port)
        assert exported > 4_096_000
        process.kill()
    async with running(*options, 80_000) as (process, port):
        after = await registers(port)
        assert after[0] >= exported
        assert after[1] >= imported
        await until(state, "ended")
        assert await registers(port) == (4_116_000, 8_200_000)
        process.terminate()
        assert await process.wait() == 0
    async with running(*options, 1) as (_, port):
        assert await registers(port) == (4_116_000, 8_200_000)


async def test_a_profile_of_ones_own_is_played(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "edge/src/gridtokenx_edge/meters/profiles"
    text = (shipped / "schneider-iem3155.toml").read_text().replace("3204", "3304")
    (tmp_path / "own.toml").write_text(text)
    options = ("--profile", tmp_path / "own.toml", "--hold", "--state", tmp_path / "state.json")
    async with running(*options) as (_, port):
        client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5)
        assert await client.connect()
        try:
            answer = await client.read_holding_registers(3303, count=4)
            assert struct.pack(">4H", *answer.registers) == struct.pack(">q", 8_192_000)
        finally:
            client.close()


async def test_a_day_begins_at_its_time(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    far_future_ms = 10**15
    async with running("--start-at", far_future_ms, "--state", state) as (_, port):
        assert await registers(port) == (4_096_000, 8_192_000)
        assert not memory(state)["begun"]
    async with running("--start-at", 1, "--state", state, "--speed", 10**9) as (_, port):
        await until(state, "ended")
        assert await registers(port) == (4_116_000, 8_200_000)


async def test_meters_on_a_pseudo_terminal_with_faults(tmp_path: Path) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "exception"\nunit = 2\ncode = 6\n')
    options = ("--pty", "--baud", 115_200, "--unit", 2, "--meters", 2, "--faults", faults)
    async with running(*options, "--hold", "--state", tmp_path / "state.json") as (_, path):
        client = AsyncModbusSerialClient(str(path), baudrate=115_200, timeout=5)
        assert await client.connect()
        refused = await client.read_holding_registers(3207, count=4, device_id=2)
        assert refused.exception_code == 6
        for unit in (2, 3):
            answer = await client.read_holding_registers(3207, count=4, device_id=unit)
            assert struct.unpack(">q", struct.pack(">4H", *answer.registers)) == (4_096_000,)
        client.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--csv", "missing.csv"), "cannot be read"),
        (("--model", "eastron-sdm630", "--lifetime-wh-export", "1"), "1/64 kWh"),
        (("--model", "abb-b42"), "write one of abb-b23"),
        (("--profile", "missing.toml"), "cannot be read"),
        (("--profile", "x.toml", "--model", "abb-b23"), "not allowed with"),
        (("--speed", "0"), "above 0"),
        (("--speed", "fast"), "speed"),
        (("--hold", "--start-at", "1"), "not allowed with"),
        (("--csv", "x.csv", "--scenario", "seed"), "not allowed with"),
        (("--host", "203.0.113.1"), "cannot listen"),
        (("--port", "70000"), "port"),
        (("--unit", "0"), "unit"),
        (("--unit", "248"), "unit"),
        (("--unit", "240", "--meters", "9"), "units go up to 247"),
        (("--pty", "--rtu-over-tcp"), "not allowed with"),
        (("--serial", "no-such-port"), "cannot open"),
        (("--faults", "no-such-file"), "cannot be read"),
    ],
)
async def test_wrong_options_are_said_without_a_stack_trace(
    tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        COMMAND, "--state", str(tmp_path / "state.json"), *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 2
    assert message in errors.decode()
    assert "Traceback" not in errors.decode()


async def power_w(port: int) -> float:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5)
    assert await client.connect()
    try:
        answer = await client.read_holding_registers(3059, count=2)
        kilowatts: float = struct.unpack(">f", struct.pack(">2H", *answer.registers))[0]
        return 1_000 * kilowatts
    finally:
        client.close()


@pytest.mark.parametrize(
    ("options", "noisy"),
    [
        ([], False),
        (["--noise", 10], True),
        (["--noise", 10, "--noise-seed", 7], True),
        (["--scenario", "bangkok", "--noise", 0], False),
    ],
)
async def test_noise(tmp_path: Path, options: list[object], noisy: bool) -> None:
    state = tmp_path / "state.json"
    async with running("--state", state, "--speed", 100, *options) as (_, port):
        await until(state, "elapsed_ms")
        shown = await power_w(port)
    assert (round(shown, 3) not in {-500, 244}) is noisy, shown


def test_noise_has_a_limit(tmp_path: Path) -> None:
    for wrong in ("31", "-1", "nan", "much"):
        command = [COMMAND, "--state", str(tmp_path / "s.json"), "--noise", wrong]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode == 2
        assert "--noise" in refused.stderr
