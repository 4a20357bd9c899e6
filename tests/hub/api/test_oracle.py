"""The price oracle over HTTP and on the command line: its state, its rounds, operators' rates."""

import asyncio
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hub_world import HubWorld, expect, expect_problem

from gridtokenx_hub import cli
from gridtokenx_hub.api.http.exact_json import dumps
from gridtokenx_hub.oracle.errors import SourceError
from gridtokenx_hub.oracle.judgement import Judgement
from gridtokenx_hub.oracle.rounds import end, keep
from gridtokenx_hub.oracle.sources import Told

ORACLE = "/api/operations/oracle"
TOLD = [Told("a", 10_500_000), Told("b", fault=SourceError("stale", "older than 300 s"))]
POSTED = Judgement(10_500_000, None, "median", 10_500_000)
JUMPED = Judgement(20_000_000, "jump", None, None)

in_the_session = pytest.mark.asyncio(loop_scope="session")


def later(**span: int) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def played(pool: asyncpg.Pool, judgement: Judgement, signature: str | None) -> None:
    async with pool.acquire() as connection:
        number = await keep(connection, dt.datetime.now(dt.UTC), TOLD, judgement, signature)
        if signature is not None:
            await end(connection, number, "posted")


@in_the_session
async def test_state_and_history(world: HubWorld) -> None:
    await world.pool.execute("DELETE FROM oracle_rounds")
    assert expect(await world.get(ORACLE, world.operator), 200) == {"state": "never"}
    await played(world.pool, POSTED, "first")
    assert expect(await world.get(ORACLE, world.operator), 200)["state"] == "well"
    await played(world.pool, JUMPED, None)
    state = expect(await world.get(ORACLE, world.operator), 200)
    assert (state["state"], state["last_round"]["doubt"]) == ("silent", "jump")
    assert state["last_posted"]["tx_signature"] == "first"
    assert state["last_posted"]["sources"] == [
        {"name": "a", "thb_per_grx": 10.5},
        {"name": "b", "error": "stale", "detail": "older than 300 s"},
    ]
    first = expect(await world.get(f"{ORACLE}/rounds?limit=1", world.operator), 200)
    path = f"{ORACLE}/rounds?limit=1&cursor={first['next']}"
    second = expect(await world.get(path, world.operator), 200)
    assert [each["outcome"] for each in first["rounds"] + second["rounds"]] == [
        "withheld",
        "posted",
    ]
    assert "next" not in second
    expect_problem(
        await world.get(f"{ORACLE}/rounds?cursor=abc", world.operator), 422, "InvalidCursor"
    )


@in_the_session
async def test_a_rate_is_set_once_and_revoked(world: HubWorld) -> None:
    body = {"thb_per_grx": Decimal("11.5"), "reason": "both are down", "ends_at": later(hours=2)}
    headers = {
        "Authorization": f"Bearer {world.operator}",
        "Content-Type": "application/json",
        "Idempotency-Key": "rate-1",
    }
    path = f"{ORACLE}/manual-rate"
    made = expect(await world.http.post(path, content=dumps(body), headers=headers), 201)
    again = expect(await world.http.post(path, content=dumps(body), headers=headers), 201)
    assert made == again
    assert (made["thb_per_grx"], made["reason"]) == (11.5, "both are down")
    assert made["set_by"].startswith("token ")
    kept = "SELECT count(*) FROM manual_rates WHERE reason = 'both are down'"
    assert await world.pool.fetchval(kept) == 1
    assert expect(await world.get(ORACLE, world.operator), 200)["manual_rate"] == made

    authorized = {"Authorization": f"Bearer {world.operator}"}
    assert (await world.http.delete(path, headers=authorized)).status_code == 204
    assert "manual_rate" not in expect(await world.get(ORACLE, world.operator), 200)
    expect_problem(await world.http.delete(path, headers=authorized), 404, "NoManualRate")
    row = await world.pool.fetchrow(
        "SELECT set_by, revoked_by FROM manual_rates WHERE reason = 'both are down'"
    )
    assert row["set_by"] == row["revoked_by"] == made["set_by"]


@in_the_session
@pytest.mark.parametrize(
    "changed",
    [
        {"thb_per_grx": 0},
        {"thb_per_grx": -1},
        {"thb_per_grx": "10"},
        {"thb_per_grx": Decimal("10.1234567")},
        {"thb_per_grx": 1_000_001},
        {"reason": ""},
        {"reason": "   "},
        {"reason": "two\nlines"},
        {"reason": "x" * 501},
        {"ends_at": "2020-01-01T00:00:00Z"},
        {"ends_at": later(hours=25)},
        {"ends_at": "9999-12-31T23:59:59Z"},
        {"ends_at": "tomorrow"},
    ],
)
async def test_a_rate_that_cannot_be_set(world: HubWorld, changed: dict[str, Any]) -> None:
    body = {"thb_per_grx": Decimal("11.5"), "reason": "sure", "ends_at": later(hours=2)} | changed
    answer = await world.post(f"{ORACLE}/manual-rate", body, world.operator)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "manual_rate" not in expect(await world.get(ORACLE, world.operator), 200)


async def command(
    folder: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    code = await asyncio.to_thread(cli.main, ["--folder", str(folder), "oracle", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


async def test_on_the_command_line(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.toml").write_text(f"[database]\nurl = '{database_url}'\n")
    code, told, _ = await command(tmp_path, capsys)
    assert (code, json.loads(told)) == (0, {"state": "never"})
    await played(pool, POSTED, "first")

    words = ("set", "--rate", "10.5", "--reason", "sure")
    code, told, _ = await command(tmp_path, capsys, *words, "--until", later(hours=1))
    made = json.loads(told)
    assert (code, made["thb_per_grx"]) == (0, 10.5)
    assert made["set_by"].startswith("command line: ")
    code, told, _ = await command(tmp_path, capsys)
    assert json.loads(told)["manual_rate"] == made

    code, _, error = await command(tmp_path, capsys, *words, "--until", later(hours=30))
    assert (code, "at most 24 hours" in error) == (1, True)
    code, told, _ = await command(tmp_path, capsys, "revoke")
    assert (code, "manual_rate" in json.loads(told)) == (0, False)
    code, _, error = await command(tmp_path, capsys, "revoke")
    assert (code, "no rate of an operator" in error) == (1, True)


@pytest.mark.parametrize(
    ("rate", "until", "told"),
    [
        ("abc", "2026-11-24T06:00Z", "non-negative decimal"),
        ("10", "2026-11-24T06:00", "has no offset"),
        ("10", "noon", "no instant"),
    ],
)
def test_words_that_mean_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: str, until: str, told: str
) -> None:
    words = ("set", "--rate", rate, "--reason", "sure", "--until", until)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["--folder", str(tmp_path), "oracle", *words])
    assert told in capsys.readouterr().err
