"""A line of the log is JSON, and names the request that it belongs to."""

import asyncio
import json
import logging

import pytest
from hub_world import HubWorld

from gridtokenx_hub.monitoring.logs import JsonFormatter, request_id

LINE = ("gridtokenx_hub.x", logging.WARNING, "here.py", 7)


def read(record: logging.LogRecord) -> dict[str, object]:
    line: dict[str, object] = json.loads(JsonFormatter().format(record))
    return line


def test_a_line() -> None:
    line = read(logging.LogRecord(*LINE, "bad %s\nof ไทย", ("thing",), None))
    assert line.pop("time")
    assert line == {
        "level": "warning",
        "logger": "gridtokenx_hub.x",
        "message": "bad thing\nof ไทย",
    }


def test_what_went_wrong_is_in_the_same_line() -> None:
    try:
        int("no")
    except ValueError as error:
        trace = (type(error), error, error.__traceback__)
        record = logging.LogRecord(*LINE, "failed", (), trace)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert "ValueError: invalid literal" in json.loads(text)["trace"]


async def test_requests_at_a_time_keep_their_ids_apart() -> None:
    async def one(name: str) -> object:
        request_id.set(name)
        await asyncio.sleep(0)
        return read(logging.LogRecord(*LINE, "x", (), None))["request_id"]

    assert await asyncio.gather(one("a"), one("b")) == ["a", "b"]
    assert "request_id" not in read(logging.LogRecord(*LINE, "x", (), None))


@pytest.mark.asyncio(loop_scope="session")
async def test_a_transaction_names_the_request_that_it_comes_from(
    world: HubWorld, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[dict[str, object]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(read(record))

    logger, keeping = logging.getLogger("gridtokenx_hub"), Keep()
    level = logger.level
    logger.addHandler(keeping)
    logger.setLevel(logging.INFO)
    try:
        answer = await world.http.post(
            "/api/users",
            json={"name": "Logged", "user_type": "consumer"},
            headers={
                "Authorization": f"Bearer {world.operator}",
                "Idempotency-Key": "logged-1",
                "X-Request-ID": "asked-by-me",
            },
        )
    finally:
        logger.removeHandler(keeping)
        logger.setLevel(level)
    assert answer.headers["X-Request-ID"] == "asked-by-me"
    mine = [line for line in lines if line.get("request_id") == "asked-by-me"]
    sent = [line for line in mine if "tx_signature" in line]
    assert [line["outcome"] for line in sent] == ["confirmed"]
    event = "SELECT name FROM events WHERE tx_signature = $1"
    assert await world.pool.fetchval(event, sent[0]["tx_signature"]) == "UserRegistered"
    requests = [line for line in mine if line.get("route") == "/api/users"]
    assert [line["status"] for line in requests] == [answer.status_code]
    assert world.operator not in json.dumps(lines)
