"""The pages: what they show, and that nothing of what users wrote becomes markup."""

import datetime as dt
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any, cast

import asyncpg
import httpx
import pytest
from solders.keypair import Keypair

from gridtokenx_hub.api import ApiContext, DeploymentInfo, create_app
from gridtokenx_hub.api.access.auth import Tokens, create_token
from gridtokenx_hub.api.transactions.idempotency_keys import IdempotencyKeys
from gridtokenx_hub.web.formats import baht, grx, kwh, price
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load

NOW = dt.datetime(2025, 11, 24, 10, 35, tzinfo=dt.UTC)
DATA = "application/json"
HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "a & b"]


class Elements(HTMLParser):
    """Every element with its attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)
        self.words = re.sub(r"\s+", " ", self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
async def http(pool: asyncpg.Pool) -> AsyncIterator[httpx.AsyncClient]:
    unused = cast("Any", None)  # pages need neither chain nor keys
    idempotency = IdempotencyKeys(pool)
    context = ApiContext(
        pool=pool,
        tokens=Tokens(pool),
        idempotency=idempotency,
        new_users=unused,
        client=unused,
        sender=unused,
        programs=unused,
        addresses=Addresses(*(load(name).id for name in PROGRAM_NAMES)),
        vault=unused,
        keys=unused,
        indexer=unused,
        clock=lambda: NOW,
        deployment=DeploymentInfo(b"\x01\x02\x03\x04", "genesis", 900, "ed25519", bytes(32)),
        registrar=unused,
        broker=unused,
        share_seed=bytes(32),
        public_rpc_url="http://127.0.0.1:8899",
        feed=unused,
    )
    transport = httpx.ASGITransport(create_app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        token = await create_token(pool, "operator")  # names are for who has signed in
        answer = await client.post("/api/sessions", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 201, answer.text
        client.cookies.jar.clear()  # for whose clock the session of NOW has ended
        client.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
        yield client


class Market:
    """Writes rows as the indexer does."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._number = 0

    async def user(self, name: str) -> str:
        wallet = str(Keypair().pubkey())
        await self._pool.execute(
            "INSERT INTO users (wallet, name, user_type) VALUES ($1, $2, 'prosumer')", wallet, name
        )
        return wallet

    async def order(self, seller: str, **changes: Any) -> str:
        self._number += 1
        row = {
            "order_id": str(Keypair().pubkey()),
            "number": self._number,
            "seller_wallet": seller,
            "amount_mwh": 10_000_000,
            "filled_mwh": 0,
            "price_micro_grx": 3_000_000,
            "status": "active",
            "expires_at": None,
            "created_at": NOW - dt.timedelta(minutes=5),
            "tx_signature": f"signature{self._number}",
        } | changes
        columns = ", ".join(row)
        places = ", ".join(f"${index}" for index in range(1, len(row) + 1))
        await self._pool.execute(
            f"INSERT INTO orders ({columns}) VALUES ({places})",  # noqa: S608 - our own names
            *row.values(),
        )
        return str(row["order_id"])

    async def trade(self, order_id: str, seller: str, buyer: str) -> None:
        self._number += 1
        await self._pool.execute(
            "INSERT INTO transactions VALUES ($1, $2, $3, $4, 5000000, 3000000, 15000000, 'GRX',"
            " $5, $6)",
            self._number,
            order_id,
            seller,
            buyer,
            f"trade{self._number}",
            NOW - dt.timedelta(hours=2),
        )


@pytest.fixture
def market(pool: asyncpg.Pool) -> Market:
    return Market(pool)


async def page(http: httpx.AsyncClient, path: str, status: int = 200) -> Elements:
    response = await http.get(path)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return Elements(response.text)


async def test_an_empty_book(http: httpx.AsyncClient) -> None:
    shown = await page(http, "/")
    assert "Nothing is for sale right now" in shown.words
    assert re.search(r"Best price *\u2013", shown.words)


async def test_an_order(http: httpx.AsyncClient, market: Market) -> None:
    order_id = await market.order(await market.user("Solar Home A"))
    shown = await page(http, "/")
    for text in ("Solar Home A", "10 kWh", "3.0 GRX/kWh", "30 GRX", "5 min ago", "Buy Now"):
        assert text in shown.words, text
    assert {"href": f"/orders/{order_id}"}.items() <= next(
        link.items() for link in shown.of("a") if "Details" in (link.get("aria-label") or "")
    )
    (buy,) = [button for button in shown.of("button") if button.get("class") == "primary buy"]
    assert buy["aria-label"] == "Buy Now: 10 kWh from Solar Home A"


async def test_what_is_left(http: httpx.AsyncClient, market: Market) -> None:
    await market.order(
        await market.user("A"), amount_mwh=3_000, filled_mwh=1_000, price_micro_grx=500
    )
    shown = await page(http, "/")
    assert "0.002 kWh" in shown.words
    assert "0.000001 GRX" in shown.words, "the parts of 1.5 µGRX, rounded up, add up to two"


async def test_orders_that_are_not_for_sale(http: httpx.AsyncClient, market: Market) -> None:
    seller = await market.user("Gone")
    await market.order(seller, status="filled", filled_mwh=10_000_000)
    await market.order(seller, expires_at=NOW)
    assert "Gone" not in (await page(http, "/")).words
    later = await market.order(seller, expires_at=NOW + dt.timedelta(seconds=1))
    assert "Gone" in (await page(http, "/")).words
    assert "active" in (await page(http, f"/orders/{later}")).words


async def test_trades_and_totals(
    http: httpx.AsyncClient, market: Market, pool: asyncpg.Pool
) -> None:
    seller, buyer = await market.user("Solar Home A"), await market.user("Consumer B")
    order_id = await market.order(seller)
    await market.order(seller, price_micro_grx=2_800_000)
    await market.trade(order_id, seller, buyer)
    await pool.execute("INSERT INTO ledgers VALUES ('\\x00', 1, 1, 1, 1, 1, 1234567000000)")
    shown = await page(http, "/")
    assert "Consumer B bought 5 kWh from Solar Home A" in shown.words
    assert "15 GRX" in shown.words
    assert "2 h ago" in shown.words
    assert "1,234,567 kWh" in shown.words
    assert "2.8 GRX/kWh" in shown.words


async def test_the_rate_of_the_price_feed(
    http: httpx.AsyncClient, market: Market, pool: asyncpg.Pool
) -> None:
    await market.order(await market.user("A"))
    shown = await page(http, "/")
    assert "no rate yet" in shown.words
    assert "\u2248 \u2014 THB" in shown.words
    await pool.execute(
        "INSERT INTO prices VALUES (1, 9000000, $1), (2, 10000000, $1)",
        NOW - dt.timedelta(minutes=4),
    )
    shown = await page(http, "/")
    assert "1 GRX \u2248 10 THB" in shown.words
    assert "\u2248 300 THB" in shown.words
    assert "The feed is late" not in shown.words
    await pool.execute("UPDATE prices SET timestamp = $1", NOW - dt.timedelta(minutes=6))
    assert "The feed is late" in (await page(http, "/")).words


async def test_offers_to_buy(http: httpx.AsyncClient, market: Market, pool: asyncpg.Pool) -> None:
    buyer = await market.user("Consumer B")
    await pool.execute(
        "INSERT INTO offers (offer_id, number, buyer_wallet, amount_mwh, filled_mwh,"
        " price_micro_grx, status, created_at, tx_signature)"
        " VALUES ('offer', 1, $1, 10000000, 4000000, 2800000, 'active', $2, 's')",
        buyer,
        NOW,
    )
    shown = await page(http, "/")
    for text in ("Consumer B", "6 kWh", "2.8 GRX/kWh", "16.8 GRX"):
        assert text in shown.words, text


async def test_an_order_by_itself(http: httpx.AsyncClient, market: Market) -> None:
    seller, buyer = await market.user("Solar Home A"), await market.user("B")
    order_id = await market.order(
        seller,
        status="filled",
        filled_mwh=10_000_000,
        buyer_wallet=buyer,
        filled_at=NOW,
        tx_signature="5KL9mN2p",
    )
    shown = await page(http, f"/orders/{order_id}")
    for text in (order_id, seller, buyer, "5KL9mN2p", "done", "24 Nov 2025, 17:35", "0 kWh"):
        assert text in shown.words, text


@pytest.mark.parametrize(
    "path",
    [str(Keypair().pubkey()), "x", "%00", "%3Cscript%3E", "'%20OR%201=1", "%F0%9F", "1" * 900],
)
async def test_an_order_that_is_none(http: httpx.AsyncClient, path: str) -> None:
    shown = await page(http, f"/orders/{path}", 404)
    assert "no such order" in shown.words


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_names(http: httpx.AsyncClient, market: Market, text: str) -> None:
    seller, buyer = await market.user(text), await market.user(text)
    order_id = await market.order(seller)
    await market.trade(order_id, seller, buyer)
    for path in ("/", f"/orders/{order_id}"):
        shown = await page(http, path)
        assert text in shown.words, "shown as it was written"
        for script in shown.of("script"):
            assert script.get("src", "").startswith("/static/") or script["type"] == DATA
        assert all(image.get("src") == "/static/icon.svg" for image in shown.of("img"))
        assert not any(name.startswith("on") for _, attrs in shown.found for name in attrs)


async def test_nothing_that_the_policy_forbids(http: httpx.AsyncClient, market: Market) -> None:
    order_id = await market.order(await market.user("A"))
    for path in ("/", f"/orders/{order_id}"):
        shown = await page(http, path)
        assert not shown.of("style")
        for tag, attributes in shown.found:
            assert "style" not in attributes
            for name in ("src", "href", "action"):
                target = attributes.get(name) or "/"
                assert target.startswith(("/", "#")), (tag, target)
                assert not target.startswith("//")


async def test_the_page_can_be_read_aloud(http: httpx.AsyncClient, market: Market) -> None:
    await market.order(await market.user("A"))
    shown = await page(http, "/")
    assert shown.of("html") == [{"lang": "en"}]
    assert len(shown.of("h1")) == len(shown.of("main")) == 1
    labelled = {label["for"] for label in shown.of("label") if "for" in label}
    assert {field["id"] for field in shown.of("input") if "id" in field} <= labelled
    identifiers = [attrs["id"] for _, attrs in shown.found if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))
    for _, attrs in shown.found:
        for name in ("aria-labelledby", "aria-describedby"):
            assert attrs.get(name, "buy") in identifiers


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("style.css", "text/css; charset=utf-8"),
        ("live.js", "text/javascript; charset=utf-8"),
        ("fonts/ibm-plex-sans-thai-looped-thai-400-normal.woff2", "font/woff2"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_static_files(http: httpx.AsyncClient, name: str, kind: str) -> None:
    response = await http.get(f"/static/{name}")
    assert response.status_code == 200
    assert response.headers["content-type"] == kind
    assert response.headers["x-content-type-options"] == "nosniff"
    assert (files("gridtokenx_hub.web") / "static" / name).is_file()


@pytest.mark.parametrize("path", ["../pages.py", "..%2fpages.py", "%2e%2e/pages.py", "", "none.js"])
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(f"/static/{path}")
    assert response.status_code in (404, 405)
    assert "import" not in response.text


def test_amounts() -> None:
    assert (kwh(10_000_000), kwh(1_500), kwh(0)) == ("10", "0.0015", "0")
    assert (grx(30_000_000), grx(1)) == ("30", "0.000001")
    assert (price(3_000_000), price(3_250_000)) == ("3.0", "3.25")
    assert kwh(1_234_567_000_000) == "1,234,567"


def test_baht() -> None:
    assert (baht(30_000_000, 10_000_000), baht(3_250_000, 10_000_000)) == ("300", "32.50")
    assert (baht(1, 10_000_000), baht(500, 10_000_000)) == ("0", "0.01")
    assert baht(10**12, 10_000_000) == "10,000,000"
