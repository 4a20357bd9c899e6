"""`gtx-hub settlements`: the operator sees what was refused, and why."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from gridtokenx_hub.cli import main

INSERT = """
INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm, signature, status, error)
VALUES ($1, $2, 0, $3, -8, '', $4, $5)
"""


async def test_refused_and_waiting(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.toml").write_text(f'[database]\nurl = "{database_url}"\n')
    rows = [(3, "settled", None), (4, "refused", "ExportLimitExceeded"), (5, "pending", "NoFee")]
    for sequence, status, error in rows:
        await pool.execute(INSERT, bytes(16), sequence, bytes(120), status, error)

    async def told(*arguments: str) -> list[tuple[int, str]]:
        words = ["--folder", str(tmp_path), "settlements", *arguments]
        assert await asyncio.to_thread(main, words) == 0
        lines = capsys.readouterr().out.splitlines()
        return [(row["sequence"], row["error"]) for row in map(json.loads, lines)]

    assert await told() == [(4, "ExportLimitExceeded")]
    assert await told("--status", "pending") == [(5, "NoFee")]
    assert await told("--status", "pending", "--limit", "0") == []
