"""What operators look into, by the page."""

import base64
import os
from typing import Any

import pytest
from hub_world import HubWorld, expect, expect_problem

from gridtokenx_hub.api.http.pagination import write_cursor
from gridtokenx_hub.backup.journal import OLD_AFTER

pytestmark = pytest.mark.asyncio(loop_scope="session")

METER = os.urandom(16)


async def outbox(world: HubWorld, status: str, count: int) -> list[int]:
    """So many settlements in a state; returns their sequences, newest first."""
    first = await world.pool.fetchval("SELECT coalesce(max(sequence), 0) + 1 FROM settlements")
    sequences = list(range(first, first + count))
    await world.pool.executemany(
        "INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm, signature,"
        " status, error) VALUES ($1, $2, 1000, $3, -8, '', $4, 'TimeNotHigher')",
        [(METER, sequence, bytes(120), status) for sequence in sequences],
    )
    return sequences[::-1]


async def walk(world: HubWorld, path: str, name: str, **query: Any) -> list[dict[str, Any]]:
    """All items of a list that are of this file's meter, two at a time."""
    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next": None}
    while "next" in page:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        answer = await world.get(path, world.operator, limit=2, **query, **cursor)
        page = expect(answer, 200)
        found += page[name]
    return [item for item in found if item.get("meter_id") == METER.hex()]


async def test_settlements_by_their_state(world: HubWorld) -> None:
    refused = await outbox(world, "refused", 5)
    pending = await outbox(world, "pending", 3)
    path = "/api/operations/settlements"
    found = await walk(world, path, "settlements")
    assert [row["sequence"] for row in found] == refused
    assert found[0] == {
        "meter_id": METER.hex(),
        "sequence": refused[0],
        "time": "1970-01-01T00:00:01Z",
        "status": "refused",
        "error": "TimeNotHigher",
    }
    found = await walk(world, path, "settlements", status="pending")
    assert [row["sequence"] for row in found] == pending
    expect_problem(await world.get(path, world.operator, status="other"), 422)
    cursor = write_cursor("refused settlements", (9,))
    answer = await world.get(path, world.operator, status="pending", cursor=cursor)
    expect_problem(answer, 422, "InvalidCursor")


async def test_quarantine(world: HubWorld) -> None:
    for number in range(5):
        await world.pool.execute(
            "INSERT INTO quarantine (topic, meter_id, sequence, reason, detail, payload)"
            " VALUES ('gtx/v1/x/readings', $1, $2, 'malformed', 'no COSE', $3)",
            METER,
            number or None,
            bytes(number),
        )
    path = "/api/operations/quarantine"
    found = await walk(world, path, "messages")
    assert [row.get("sequence") for row in found] == [4, 3, 2, 1, None]
    assert [row["size_bytes"] for row in found] == [4, 3, 2, 1, 0]
    assert (found[0]["meter_id"], found[0]["reason"]) == (METER.hex(), "malformed")
    assert "payload" not in found[0]
    whole = expect(await world.get(f"{path}/{found[0]['number']}", world.operator), 200)
    assert base64.b64decode(whole.pop("payload")) == bytes(4)
    assert whole == found[0]
    expect_problem(await world.get(f"{path}/{10**9}", world.operator), 404, "UnknownMessage")
    expect_problem(await world.get(f"{path}/0", world.operator), 422)


async def backed_up(world: HubWorld, hours_ago: float, failure: str | None = None) -> None:
    """A backup ended so long ago."""
    await world.pool.execute(
        "INSERT INTO backups (began_at, ended_at, size_bytes, failure)"
        " SELECT at, at, CASE WHEN $3::text IS NULL THEN 7 END, $3"
        " FROM (SELECT $1::timestamptz - $2 * interval '1 hour' AS at) AS a",
        world.context.clock(),
        hours_ago,
        failure,
    )


async def test_backups(world: HubWorld) -> None:
    path = "/api/operations/backups"
    await world.pool.execute("DELETE FROM backups")
    assert expect(await world.get(path, world.operator), 200) == {
        "standing": "never",
        "backups": [],
    }
    old = OLD_AFTER.total_seconds() / 3600 + 0.1
    for hours_ago, failure, standing in (
        (old, None, "old"),
        (3, "OSError: full", "failed"),
        (2, None, "well"),
        (1, "OSError: full", "failed"),
    ):
        await backed_up(world, hours_ago, failure)
        answer = expect(await world.get(path, world.operator, limit=1), 200)
        assert answer["standing"] == standing
        assert answer["last_good"]["size_bytes"] == 7
        assert answer["backups"][0].get("failure") == failure
    second = expect(await world.get(path, world.operator, limit=1, cursor=answer["next"]), 200)
    assert second["backups"] == [second["last_good"]]
    everything = await world.get(path, world.operator)
    assert len(expect(everything, 200)["backups"]) == 4
    expect_problem(await world.get(path, world.operator, cursor="x"), 422, "InvalidCursor")
    await world.pool.execute("DELETE FROM backups")
