"""The demo with other numbers: twice on the same data, and with the hub killed in the middle."""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo.installation import start_hub
from demo.performance import Performance
from demo.plan import Plan

ROOT = Path(__file__).parents[2]
DAY_SECONDS = 12
NEVER_S = 86_400
# The same in every hour: the surplus is then the same wherever the intervals begin.
PRODUCED_W, CONSUMED_W = 900, 150
MINTED_MWH = 24 * (PRODUCED_W - CONSUMED_W) * 1_000
SELL_KWH, PRICE_GRX, GRANT_GRX = Decimal("4.5"), Decimal("2.222222"), Decimal(50)
# 4.5 kWh at 2.222222 GRX is 9.999999 GRX.
EXPECTED = {
    "energy_a": MINTED_MWH - 4_500_000,
    "energy_b": 4_500_000,
    "grx_a_delta": 9_999_999,
    "grx_b_delta": -9_999_999,
    "minted": MINTED_MWH,
}


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder that PostgreSQL's own user can reach, too, when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="gtx-demo-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "data"


@pytest.fixture
def day(tmp_path: Path) -> Path:
    lines = [f"{hour:02d}:00,{PRODUCED_W},{CONSUMED_W}" for hour in range(24)]
    path = tmp_path / "day.csv"
    path.write_text("\n".join(["time,produced_w,consumed_w", *lines]) + "\n")
    return path


def numbers(result: dict[str, Any]) -> dict[str, int]:
    return {name: result[name] for name in EXPECTED}


def run_demo(folder: Path, day: Path) -> dict[str, Any]:
    command = [
        *(sys.executable, "-m", "demo", "--once", "--json"),
        *("--folder", str(folder), "--csv", str(day), "--day-seconds", str(DAY_SECONDS)),
        *("--sell-kwh", str(SELL_KWH), "--price-grx", str(PRICE_GRX)),
        *("--grant-grx", str(GRANT_GRX), "--api-port", "0"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_the_same_result_twice_on_the_same_data(data: Path, day: Path) -> None:
    first = run_demo(data, day)
    assert numbers(first) == EXPECTED
    assert first["readings_verified"] > 2 * DAY_SECONDS
    second = run_demo(data, day)
    assert numbers(second) == EXPECTED
    # What happened once on chain is found again, not done again.
    assert second["signatures"] == first["signatures"]


@pytest.fixture
async def performance(data: Path, day: Path) -> AsyncIterator[Performance]:
    plan = Plan(
        folder=data,
        csv=day,
        day_seconds=DAY_SECONDS,
        sell_kwh=SELL_KWH,
        price_grx=PRICE_GRX,
        grant_grx=GRANT_GRX,
    )
    performance = Performance(plan, lambda _: None)
    yield performance
    await performance.stop()


async def all_acknowledged(performance: Performance) -> None:
    """Wait until the hub has acknowledged what the meters show at the end of their day."""
    async with asyncio.timeout(60):
        for house in performance.houses:
            held = (await house.spool())["last_sequence"]
            while (await house.spool())["acked_sequence"] < held:
                performance.supervisor.check()
                await asyncio.sleep(0.1)


async def test_the_same_result_when_the_hub_is_killed_before_it_settles(
    performance: Performance,
) -> None:
    await performance.start(settlement_period_s=NEVER_S)
    await performance.install()
    await performance.play_day()
    await all_acknowledged(performance)
    mint = performance.deployment["mints"]["energy"]
    assert await performance.chain.token_supply(mint) == 0

    await performance.supervisor.kill("hub")
    services = performance.services
    settings = services.folder / "hub.toml"
    settings.write_text(settings.read_text().replace(f"period_s = {NEVER_S}", "period_s = 2"))
    await start_hub(performance.supervisor, services)

    surplus_mwh = await performance.await_settlement()
    await performance.trade()
    result, wrong = await performance.check(surplus_mwh)
    assert not wrong
    assert numbers(result) == EXPECTED
    price = await performance.api.get("/api/trading/price")
    assert (price["thb_per_grx"], price["stale"]) == (10, False)
