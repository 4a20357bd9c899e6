"""What operators look into, by the page."""

import base64
import os
from typing import Any

import pytest
from hub_world import HubWorld, expect, expect_problem

from gridtokenx_hub.api.pagination import write_cursor

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
