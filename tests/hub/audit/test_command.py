"""`gtx-hub audit`, as an operator runs it beside the hub."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.hub.audit.market import open_market
from tests.hub.onchain import ADDRESSES, PROGRAMS, World, now_ms, running

from gridtokenx_hub.audit import audit
from gridtokenx_hub.cli import main


@pytest.fixture
def folder(world: World, database_url: str, tmp_path: Path) -> Path:
    """The folder of a hub with this database and chain."""
    (tmp_path / "hub.toml").write_text(
        f'[database]\nurl = "{database_url}"\n[chain]\nrpc_url = "{world.chain.rpc_url}"\n'
    )
    return tmp_path


async def gtx_hub(folder: Path, *arguments: str) -> int:
    return await asyncio.to_thread(main, ["--folder", str(folder), "audit", *arguments])


async def test_all_is_well(world: World, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await open_market(world)
    assert await gtx_hub(folder, "--json") == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report["holds"]
    assert not report["moved"]
    assert report["events"]["registry"] > 0
    assert [check["invariant"] for check in report["checks"]] == [1, 2, 3, 4, 5, 6]
    assert all(check["holds"] for check in report["checks"])
    skipped = [check["invariant"] for check in report["checks"] if check["skipped"]]
    assert skipped == [5]


async def test_it_says_what_differs(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await open_market(world)
    await world.pool.execute("UPDATE meters SET status = 'revoked'")
    count = await world.pool.fetchval("SELECT count(*) FROM meters")

    assert await gtx_hub(folder) == 1
    told = capsys.readouterr().out
    assert "a payment ends once, as its energy did: skipped, no [bridge] is set" in told
    assert "1. minted ENERGY is the surplus that was settled: holds" in told
    assert f"6. the database's view equals the chain's: {count} differences" in told
    assert "status: revoked in the database, active on chain" in told

    assert await gtx_hub(folder, "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert not report["holds"]
    view = report["checks"][-1]
    assert (view["differences"], len(view["first_differences"])) == (count, min(count, 10))


async def test_an_indexer_that_does_not_follow_is_told_after_the_patience(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.household()
    assert await gtx_hub(folder, "--patience", "0.5") == 1
    told = capsys.readouterr().out
    assert "the indexer does not follow" in told
    assert "events of registry: 0 in the database" in told


async def test_a_chain_that_is_away_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = folder / "hub.toml"
    text = settings.read_text().rpartition("rpc_url")[0]
    settings.write_text(f'{text}rpc_url = "http://127.0.0.1:9"\n')
    assert await gtx_hub(folder) == 1
    assert "see that the chain runs" in capsys.readouterr().err


async def test_it_waits_for_the_indexer(world: World) -> None:
    await world.household()
    async with world.pool.acquire() as connection, running(world.indexer()):
        report = await audit(
            connection, world.client, PROGRAMS, ADDRESSES, now_ms(), patience_s=120
        )
    assert not report.moved
    assert report.differences == []
