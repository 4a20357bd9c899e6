"""The event stream: who sees what, coming back, slow clients, tokens that end."""

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hub_world import HubWorld, User, expect, expect_problem
from test_server import served

from gridtokenx_hub.api.access.auth import create_token, hash_token
from gridtokenx_hub.api.events import feed as event_feed
from gridtokenx_hub.api.events import stream as event_stream
from gridtokenx_hub.api.events.feed import EventFeed, Listener
from gridtokenx_hub.api.http.problems import Problem

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/api/events"
PATIENCE_S = 20


class Client:
    """Reads a stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def block(self) -> dict[str, str]:
        """The fields of the next event; of a comment, its text under the name of nothing."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if not line:
                    return fields
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        raise EOFError

    async def event(self) -> tuple[str, dict[str, Any]]:
        """The id and data of the next event."""
        while True:
            block = await self.block()
            if "data" in block:
                data = json.loads(block["data"])
                assert data["name"] == block["event"]
                return block["id"], data

    async def until(self, name: str, **fields: Any) -> tuple[str, list[dict[str, Any]]]:
        """All events up to one of this name with these fields; its id."""
        seen: list[dict[str, Any]] = []
        while True:
            number, event = await self.event()
            seen.append(event)
            if event["name"] == name and fields.items() <= event["data"].items():
                return number, seen


@contextlib.asynccontextmanager
async def listening(
    world: HubWorld, token: str | None = None, after: str | None = None
) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if after is not None:
        headers["Last-Event-ID"] = after
    async with (
        served(world) as port,
        httpx.AsyncClient(timeout=PATIENCE_S) as http,
        http.stream("GET", f"http://127.0.0.1:{port}{PATH}", headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        client = Client(response)
        assert await client.block() == {"": "connected"}
        yield client


def names(events: list[dict[str, Any]]) -> set[str]:
    return {event["name"] for event in events}


async def test_who_sees_what(world: HubWorld) -> None:
    """Anybody the market; a user their own meters and money; others nothing of them."""
    seller, other = await world.user(), await world.user()
    async with (
        listening(world) as anybody,
        listening(world, seller.token) as own,
        listening(world, other.token) as stranger,
        listening(world, world.operator) as operator,
    ):
        await world.settle(seller, await world.meter(seller), 5_000_000)
        body = {"user_id": seller.user_id, "amount_grx": 1}
        expect(await world.post("/api/treasury/grx", body, world.operator), 201)
        order = (await world.sell(seller, 5, 1))["order_id"]
        private = {"MeterRegistered", "LedgerOpened", "MeterSettled", "GrxMinted"}
        for client, sees in ((own, True), (operator, True), (anybody, False), (stranger, False)):
            _, events = await client.until("OrderCreated", order=order)
            assert names(events) & private == (private if sees else set())


async def test_coming_back(world: HubWorld) -> None:
    """With the id of any event follow exactly those behind it, old ones and new ones."""
    seller = await world.seller(9)
    async with listening(world, seller.token) as client:
        orders = [(await world.sell(seller, 1, 1))["order_id"] for _ in range(3)]
        first, _ = await client.until("OrderCreated", order=orders[0])
        _, rest = await client.until("OrderCreated", order=orders[2])
    orders.append((await world.sell(seller, 1, 1))["order_id"])
    async with listening(world, seller.token, after=first) as client:
        _, events = await client.until("OrderCreated", order=orders[3])
        assert [e for e in events if e in rest] == rest
        made = [e["data"]["order"] for e in events if e["name"] == "OrderCreated"]
        assert [order for order in made if order in orders] == orders[1:]
        orders.append((await world.sell(seller, 1, 1))["order_id"])
        _, (*_, last) = await client.until("OrderCreated", order=orders[4])
        numbers = [event["sequence"] for event in (*events, last) if event["program"] == "trading"]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "each once, in order"


@pytest.mark.parametrize(
    "number",
    ["", "x", "trading:1", "trading:1,trading:1,trading:1", "a:1,b:2,c:3", "trading:-1",
     "energy_token:1,registry:1,trading:" + "9" * 19, "x" * 201],
)  # fmt: skip
async def test_ids_that_are_none(world: HubWorld, number: str) -> None:
    response = await world.http.get(PATH, headers={"Last-Event-ID": number})
    expect_problem(response, 422)


async def test_a_wrong_token_is_no_stranger(world: HubWorld) -> None:
    expect_problem(await world.get(PATH, "gtx_wrong"), 401, "Unauthenticated")


async def test_heartbeat_and_the_end_of_a_token(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", 0.05)
    token = await create_token(world.pool, "operator", None, None)
    async with listening(world, token) as client:
        assert await client.block() == {"": "still here"}
        await world.pool.execute(
            "UPDATE api_tokens SET revoked_at = $2 WHERE token_hash = $1",
            hash_token(token),
            dt.datetime.now(dt.UTC),
        )
        with pytest.raises(EOFError):
            await client.event()


async def test_too_many(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "MAX_LISTENERS", 1)
    async with listening(world):
        response = await world.get(PATH)
        expect_problem(response, 503, "TooManyStreams")
        assert int(response.headers["retry-after"]) > 0


async def test_a_slow_client_is_dropped(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds up nobody: others go on, and its connection ends."""
    monkeypatch.setattr(event_feed, "MAX_BATCHES", 2)
    seller = await world.seller(8)
    sent: list[bytes] = []
    stuck = asyncio.Event()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if b"OrderCreated" in sent[-1]:
            stuck.set()
            await asyncio.Event().wait()

    async def may_see() -> Any:
        return event_stream.Viewer()

    stream = event_stream.EventStream(world.pool, world.context.feed, may_see, None)
    slow = asyncio.ensure_future(stream({"type": "http"}, receive, send))
    async with listening(world) as quick, asyncio.timeout(PATIENCE_S):
        orders = [(await world.sell(seller, 1, 1))["order_id"] for _ in range(8)]
        await quick.until("OrderCreated", order=orders[-1])
        await stuck.wait()
        await slow
    assert sum(order.encode() in b"".join(sent) for order in orders) < 8


async def test_a_feed_that_ends_drops_all(world: HubWorld) -> None:
    feed = EventFeed(world.pool, ("trading",))
    stop = asyncio.Event()
    running = asyncio.ensure_future(feed.run(stop))
    with feed.listen() as listener:
        stop.set()
        await running
        await asyncio.wait_for(listener.dropped.wait(), PATIENCE_S)


async def test_a_link_that_breaks(world: HubWorld) -> None:
    """What is committed while the feed cannot hear is passed on all the same."""
    seller = await world.seller(2)
    async with listening(world) as client:
        await world.sell(seller, 1, 1)
        await client.until("OrderCreated")
        await world.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        order = (await world.sell(seller, 1, 1))["order_id"]
        await client.until("OrderCreated", order=order)


async def test_a_full_queue_drops() -> None:
    listener = Listener()
    for _ in range(event_feed.MAX_BATCHES):
        listener.put(())
    assert not listener.dropped.is_set()
    listener.put(())
    assert listener.dropped.is_set()


async def test_ids_are_read_back() -> None:
    reached = {"trading": 3, "registry": 0, "energy_token": 2**40}
    text = event_stream.write_id(reached)
    assert event_stream.read_id(text, reached) == reached
    with pytest.raises(Problem):
        event_stream.read_id(text, ["trading"])


async def test_the_list(world: HubWorld) -> None:
    """The same rules hold for the explorer's list."""
    seller, other = await world.seller(2), await world.user()
    await world.sell(seller, 1, 1)
    own = await _all(world, seller)
    assert {"MeterSettled", "OrderCreated", "UserRegistered"} <= names(own)
    wallets = {event["data"].get("owner", event["data"].get("wallet")) for event in own}
    assert wallets == {seller.wallet, None}
    assert "MeterSettled" not in names(await _all(world, other))
    keys = [(event["slot"], event["program"], event["sequence"]) for event in own]
    assert keys == sorted(keys, reverse=True)
    trading = await _all(world, other, program="trading", name="OrderCreated")
    assert names(trading) == {"OrderCreated"}
    operators = expect(await world.get("/api/explorer/events", world.operator, limit=1000), 200)
    assert len(operators["events"]) > len(own)


async def _all(world: HubWorld, user: User, **query: Any) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = expect(
            await world.get("/api/explorer/events", user.token, limit=50, **query, **cursor), 200
        )
        events += answer["events"]
        if "next" not in answer:
            return events
        cursor = {"cursor": answer["next"]}


async def test_payments_in_baht(world: HubWorld) -> None:
    """Whoever listens is told that some payment has changed, at once, and not whose."""
    user = await world.user()
    changes = (
        ("INSERT INTO payments VALUES ('r', $1, $2, 1, now(), 'locked', 1, '\\x01', now())",
         (bytes(20), user.wallet)),
        ("DELETE FROM payments", ()),
    )  # fmt: skip
    async with listening(world) as anybody, asyncio.timeout(PATIENCE_S):
        for change, values in changes:
            await world.pool.execute(change, *values)
            while (block := await anybody.block()).get("event") != "PaymentsChanged":
                pass
            assert block == {"event": "PaymentsChanged", "data": "{}"}
