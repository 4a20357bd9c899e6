"""Meters with their health; readings, roll-ups and settlements by time and by the page."""

import datetime as dt
from typing import Any

import pytest
import pytest_asyncio
from hub_world import Device, HubWorld, User, expect, expect_problem

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


async def pages(world: HubWorld, token: str, path: str, what: str, **query: Any) -> list[Any]:
    """All items of a list, read three at a time."""
    items: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        answer = expect(await world.get(path, token, limit=3, **query, **cursor), 200)
        assert len(answer[what]) <= 3
        items += answer[what]
        if "next" not in answer:
            return items
        cursor = {"cursor": answer["next"]}


async def stored(world: HubWorld, device: Device, count: int, flags: int = 3) -> None:
    """Readings as ingest stores them, one a minute from noon on."""
    await world.pool.executemany(
        "INSERT INTO readings (meter_id, sequence, time, time_ms, produced_mwh, consumed_mwh,"
        " surplus_mwh, active_power_mw, voltage_mv, current_ma, frequency_mhz, flags,"
        " previous_hash, hash, algorithm, signature, first_sequence, record_count)"
        " VALUES ($1, $2, $3, $4, $5, 0, $5, -1500, 230100, 6521, 50000, $6, '', '', -8, '', $2,"
        " 1)",
        [
            (
                device.meter_id,
                number,
                NOON + number * MINUTE,
                int((NOON + number * MINUTE).timestamp() * 1000),
                number * 1_000_000,
                flags,
            )
            for number in range(1, count + 1)
        ],
    )


@pytest_asyncio.fixture(loop_scope="session")
async def owner(world: HubWorld) -> User:
    return await world.user()


async def test_a_users_meters(world: HubWorld, owner: User) -> None:
    """Its own and no others, on pages; an operator sees all."""
    mine = sorted([(await world.meter(owner)).meter_id.hex() for _ in range(4)])
    other = (await world.meter(await world.user())).meter_id.hex()
    assert [m["meter_id"] for m in await pages(world, owner.token, "/api/meters", "meters")] == mine
    everything = await pages(world, world.operator, "/api/meters", "meters")
    assert {*mine, other} <= {meter["meter_id"] for meter in everything}
    assert all(meter["status"] == "active" for meter in everything if meter["meter_id"] in mine)


async def test_health(world: HubWorld, owner: User) -> None:
    device = await world.meter(owner)
    path = f"/api/meters/{device.meter_id.hex()}"
    fresh = expect(await world.get(path, owner.token), 200)
    assert fresh["export_limit_w"] == 20_000
    assert fresh["minted_kwh"] == 0
    assert not {"online", "last_reading", "quarantined", "certificate_expires_at"} & fresh.keys()

    await stored(world, device, 2, flags=3 | 1 << 4 | 1 << 6)
    await world.pool.execute(
        "INSERT INTO device_status VALUES ($1, true, 1, 1, 2, '0.1.0', 'iem3155', $2)",
        device.meter_id,
        NOON,
    )
    await world.pool.execute("INSERT INTO acks VALUES ($1, 2, '', 5)", device.meter_id)
    for reason in ("forged", "revoked"):
        await world.pool.execute(
            "INSERT INTO quarantine (topic, meter_id, reason, detail, payload)"
            " VALUES ('t', $1, $2, '', '')",
            device.meter_id,
            reason,
        )
    await world.pool.execute(
        "INSERT INTO certificates VALUES ($1, $1, $2, $3)", device.meter_id, NOON, NOON + DAY
    )
    seen = expect(await world.get(path, owner.token), 200)
    assert seen["online"] is True
    assert (seen["agent_version"], seen["profile"]) == ("0.1.0", "iem3155")
    assert (seen["acknowledged_sequence"], seen["missing"]) == (2, 3)
    assert (seen["quarantined"]["count"], seen["quarantined"]["last_reason"]) == (2, "revoked")
    assert seen["certificate_expires_at"] == "2026-03-02T12:00:00Z"
    last = seen["last_reading"]
    assert last["sequence"] == 2
    assert last["time"] == "2026-03-01T12:02:00.000Z"
    assert last["clock"] == "synchronised"
    assert last["flags"] == ["meter_fault", "tamper"]
    assert (last["produced_kwh"], last["active_power_w"]) == (2, -1.5)


async def test_readings_by_time_and_page(world: HubWorld, owner: User) -> None:
    device = await world.meter(owner)
    await stored(world, device, 8)
    path = f"/api/meters/{device.meter_id.hex()}/readings"
    everything = await pages(world, owner.token, path, "readings")
    assert [reading["sequence"] for reading in everything] == [8, 7, 6, 5, 4, 3, 2, 1]
    span = {"from": "2026-03-01T12:03:00Z", "to": "2026-03-01T12:07:00Z"}
    some = await pages(world, owner.token, path, "readings", **span)
    assert [reading["sequence"] for reading in some] == [6, 5, 4, 3]
    for wrong in ("yesterday", "2026-03-01", "2026-02-30T00:00:00Z", "2026-03-01T12:00:00", "5"):
        response = await world.get(path, owner.token, **{"from": wrong})
        expect_problem(response, 422, "InvalidRequest")


INTO_ROLL_UP = {
    "quarter-hours": "INSERT INTO quarter_hours VALUES ($1, $2, 90, $3, $4, 0, $4, $5, $6)",
    "days": "INSERT INTO days VALUES ($1, $2, 90, $3, $4, 0, $4, $5, $6)",
}


@pytest.mark.parametrize("name", INTO_ROLL_UP)
async def test_roll_ups(world: HubWorld, owner: User, name: str) -> None:
    device = await world.meter(owner)
    await world.pool.executemany(
        INTO_ROLL_UP[name],
        [
            (device.meter_id, NOON + n * DAY, n, n * 1_000_000, None if n == 1 else -5, 7)
            for n in range(1, 6)
        ],
    )
    path = f"/api/meters/{device.meter_id.hex()}/{name}"
    everything = await pages(world, owner.token, path, "periods")
    assert [period["produced_kwh"] for period in everything] == [5, 4, 3, 2, 1]
    assert everything[0]["lowest_power_w"] * 1000 == -5
    assert "lowest_power_w" not in everything[-1]
    (one,) = await pages(world, owner.token, path, "periods", to="2026-03-03T12:00:00Z")
    assert one["start"] == "2026-03-02T12:00:00Z"
    wrong = await world.get(path, owner.token, cursor="WyJkYXlzIiwtOTk5OTk5OTk5OTk5OTk5XQ")
    assert wrong.status_code == (200 if name == "days" else 422), "far before any date"


async def test_settlements(world: HubWorld, owner: User) -> None:
    devices = [await world.meter(owner), await world.meter(owner)]
    for sequence in range(2, 7):
        for device in devices:
            await world.pool.execute(
                "INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm,"
                " signature, status, minted_mwh, tx_signature) VALUES ($1, $2, $3, $4, -8, '',"
                " 'settled', 1500000, 'sig')",
                device.meter_id,
                sequence,
                int((NOON + sequence * MINUTE).timestamp() * 1000),
                bytes(120),
            )
    path = f"/api/meters/{devices[0].meter_id.hex()}/settlements"
    of_meter = await pages(world, owner.token, path, "settlements")
    assert [settlement["sequence"] for settlement in of_meter] == [6, 5, 4, 3, 2]
    assert {str(settlement["minted_kwh"]) for settlement in of_meter} == {"1.5"}
    path = f"/api/users/{owner.user_id}/settlements"
    of_owner = await pages(world, owner.token, path, "settlements")
    assert len(of_owner) == 10
    assert of_owner[0]["time"] == "2026-03-01T12:06:00Z"


async def test_what_was_before_a_transfer_is_not_the_new_owners(
    world: HubWorld, owner: User
) -> None:
    device = await world.meter(owner)
    await stored(world, device, 4)
    meter_id = device.meter_id.hex()
    await world.pool.execute(
        "INSERT INTO days VALUES ($1, $2, 1, 1, 1, 1, 1, 1, 1)", device.meter_id, NOON - DAY
    )
    at = int((NOON + 3 * MINUTE).timestamp())
    await world.pool.execute(
        "INSERT INTO events (program, sequence, slot, tx_signature, name, data)"
        " VALUES ('test', 1, 1, 'sig', 'MeterTransferred', $1)",
        f'{{"meter_id": "{meter_id}", "timestamp": {at}}}',
    )
    path = f"/api/meters/{meter_id}"
    mine = await pages(world, owner.token, f"{path}/readings", "readings")
    assert [reading["sequence"] for reading in mine] == [4, 3]
    early = await pages(
        world, owner.token, f"{path}/readings", "readings", **{"from": "2020-01-01T00:00:00Z"}
    )
    assert early == mine
    assert await pages(world, owner.token, f"{path}/days", "periods") == []
    theirs = await pages(world, world.operator, f"{path}/readings", "readings")
    assert len(theirs) == 4


async def test_a_meter_that_is_none(world: HubWorld, owner: User) -> None:
    path = f"/api/meters/{'0' * 32}"
    expect_problem(await world.get(path, world.operator), 404, "UnknownMeter")
    expect_problem(await world.get(path, owner.token), 403, "Forbidden")
