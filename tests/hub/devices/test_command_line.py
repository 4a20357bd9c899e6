"""`gtx-hub command`, as an operator types it."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest
from tests.hub.ingest.devices import new_meter, register

from gridtokenx_hub.cli import main


async def run(folder: Path, *arguments: str) -> int:
    return await asyncio.to_thread(main, ["--folder", str(folder), "command", *arguments])


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> Path:
    (tmp_path / "hub.toml").write_text(f'[database]\nurl = "{database_url}"\n')
    return tmp_path


async def test_a_command_waits_in_the_outbox(
    folder: Path, pool: asyncpg.Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    meter = new_meter(1)
    await register(pool, meter)
    assert await run(folder, meter.meter_id.hex(), "send-again", "--from", "7") == 0
    number = json.loads(capsys.readouterr().out)["number"]
    row = await pool.fetchrow("SELECT * FROM commands")
    assert row is not None
    assert (row["number"], row["kind"], row["from_sequence"]) == (number, 2, 7)
    assert row["sent_at"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("09" * 16, "read-now"), "no meter 0909"),
        (("01" * 16, "send-again"), "SEND_AGAIN"),
        (("01" * 16, "send-again", "--from", "-1"), "unsigned"),
    ],
)
async def test_what_makes_no_sense_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert await run(folder, *arguments) == 1
    assert said in capsys.readouterr().err
