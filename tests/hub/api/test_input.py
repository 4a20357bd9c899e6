"""Bodies that are wrong, hostile, too large or too slow end in a problem, never in a 500."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from hub_world import HubWorld, User, expect, expect_problem
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gridtokenx_hub.api.http import middleware
from gridtokenx_hub.api.http.exact_json import dumps, loads
from gridtokenx_hub.api.http.fields import Lots, Price

in_world = pytest.mark.asyncio(loop_scope="session")

CREATE = "/api/trading/orders/create"
HOSTILE_TEXT = [
    "'; DROP TABLE users; --",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "ครัวเรือนโซลาร์",
    "x" * 100,
]
REFUSED_TEXT = ["", "   ", "x" * 101, "a\x00b", "a\nb", "\u202egnp", "\ud800", 5, None, ["x"], {}]
WRONG_NUMBERS = [
    '"1.0"', "-1", "0", "0.0", "-0.001", "NaN", "Infinity", "-Infinity", "1e30", "1e-30",
    "1e999999999", "-1e999999999", "0.0000001", "1.0005", "18446744073709551616",
    "9" * 39, "9" * 5000, "true", "null", "[]", "{}", '"abc"',
]  # fmt: skip


def order(user: User, amount: str, price: str) -> str:
    return f'{{"seller_wallet": "{user.wallet}", "amount_kwh": {amount}, "price_per_kwh": {price}}}'


@in_world
@pytest.mark.parametrize("number", WRONG_NUMBERS, ids=lambda number: number[:20])
async def test_wrong_amounts_and_prices(world: HubWorld, number: str) -> None:
    user = await world.user()
    response = await world.post(CREATE, order(user, number, "1"), user.token)
    expect_problem(response, 422, "InvalidRequest")
    if number != "1.0005":
        expect_problem(await world.post(CREATE, order(user, "1", number), user.token), 422)
        body = f'{{"user_id": {user.user_id}, "amount_grx": {number}}}'
        expect_problem(await world.post("/api/treasury/grx", body, world.operator), 422)


@in_world
@pytest.mark.parametrize("number", WRONG_NUMBERS, ids=lambda number: number[:20])
async def test_wrong_ids(world: HubWorld, number: str) -> None:
    body = f'{{"user_id": {number}, "amount_grx": 1}}'
    response = await world.post("/api/treasury/grx", body, world.operator)
    expect_problem(response, 404 if number == "9" * 18 else 422)


@in_world
@pytest.mark.parametrize(
    "body",
    [
        "", "{", "null", "[]", "5", '"text"', "{'a': 1}", '{"a": 1,}', "\xff\xfe", b"\xff\xfe\x00",
        "[" * 30_000, '{"a":' * 10_000, '{"name": "A", "name": "B", "user_type": "prosumer"}',
        '{"name": "A", "user_type": "prosumer"} trailing',
    ],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
async def test_garbage(world: HubWorld, body: str | bytes) -> None:
    response = await world.post("/api/users", body, world.operator)
    assert response.status_code in (400, 422), response.text
    expect_problem(response, response.status_code)


@in_world
async def test_garbage_json_is_400(world: HubWorld) -> None:
    expect_problem(await world.post("/api/users", "{", world.operator), 400, "InvalidJson")


@in_world
async def test_unknown_and_missing_fields(world: HubWorld) -> None:
    user = await world.user()
    for body in (
        {"seller_wallet": user.wallet, "amount_kwh": 1},
        {"seller_wallet": user.wallet, "amount_kwh": 1, "price_per_kwh": 1, "colour": "green"},
        {"seller_wallet": user.wallet, "amount_mwh": 1000, "price_per_kwh": 1},
    ):
        expect_problem(await world.post(CREATE, body, user.token), 422, "InvalidRequest")


@in_world
@pytest.mark.parametrize(
    "wallet", ["", "x", "1" * 31, "1" * 45, "0OIl" * 11, "'; DROP TABLE users; --", "\x00", 5, None]
)
async def test_wallets_that_are_none(world: HubWorld, wallet: object) -> None:
    user = await world.user()
    body = {"seller_wallet": wallet, "amount_kwh": 1, "price_per_kwh": 1}
    expect_problem(await world.post(CREATE, body, user.token), 422)
    body = {"buyer_wallet": user.wallet, "order_id": wallet}
    expect_problem(await world.post("/api/trading/orders/match", body, user.token), 422)


@in_world
@pytest.mark.parametrize("text", HOSTILE_TEXT)
async def test_hostile_names_are_kept_as_they_are(world: HubWorld, text: str) -> None:
    user = await world.user(text)
    me = expect(await world.get("/api/users/me", user.token), 200)
    assert me["name"] == text


@in_world
@pytest.mark.parametrize("text", REFUSED_TEXT, ids=repr)
async def test_names_that_are_none(world: HubWorld, text: object) -> None:
    body = json.dumps({"name": text, "user_type": "prosumer"})
    expect_problem(await world.post("/api/users", body, world.operator), 422, "InvalidRequest")


@in_world
async def test_hostile_paths_and_headers(world: HubWorld) -> None:
    for path in (
        "/api/users/x/balances",
        f"/api/users/{10**30}/balances",
        "/api/users/%00/balances",
    ):
        expect_problem(await world.get(path, world.operator), 422)
    expect_problem(await world.get("/api/nothing"), 404, "NotFound")
    expect_problem(await world.http.delete("/api/users"), 405, "MethodNotAllowed")
    for key in ("x" * 256, "a b", "é"):
        response = await world.http.post(
            "/api/users",
            content='{"name": "A", "user_type": "prosumer"}',
            headers={
                "Authorization": f"Bearer {world.operator}",
                "Content-Type": "application/json",
                "Idempotency-Key": key.encode("latin-1"),
            },
        )
        expect_problem(response, 422, "InvalidIdempotencyKey")


@in_world
async def test_a_body_that_is_too_large(world: HubWorld) -> None:
    body = b" " * (middleware.MAX_BODY_BYTES + 1)
    expect_problem(await world.post("/api/users", body, world.operator), 413, "BodyTooLarge")
    expect_problem(await world.post("/api/users", body), 413, "BodyTooLarge")


@in_world
async def test_a_large_body_without_its_length(world: HubWorld) -> None:
    sent = 0

    async def long() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(128):
            sent += 8192
            yield b" " * 8192

    headers = {"Authorization": f"Bearer {world.operator}", "Content-Type": "application/json"}
    response = await world.http.post("/api/users", content=long(), headers=headers)
    expect_problem(response, 413, "BodyTooLarge")
    assert sent <= middleware.MAX_BODY_BYTES + 2 * 8192


@in_world
async def test_a_length_that_lies(world: HubWorld) -> None:
    for length in ("-1", "abc", "9" * 30, "+5", "1e3"):
        headers = {"Authorization": f"Bearer {world.operator}", "Content-Length": length}
        response = await world.http.post("/api/users", content=b"{}", headers=headers)
        expect_problem(response, 413, "BodyTooLarge")


@in_world
async def test_the_largest_body_is_read(world: HubWorld) -> None:
    body = '{"name": "A", "user_type": "prosumer"}'.ljust(middleware.MAX_BODY_BYTES)
    assert (await world.post("/api/users", body, world.operator)).status_code == 201


@in_world
async def test_a_slow_client(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BODY_TIMEOUT_S", 0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"Authorization": f"Bearer {world.operator}", "Content-Type": "application/json"}
    response = await world.http.post("/api/users", content=never(), headers=headers)
    expect_problem(response, 408, "RequestTimeout")


@in_world
async def test_request_ids(world: HubWorld) -> None:
    given = await world.http.get("/api/deployment", headers={"X-Request-ID": "abc-1.2_3"})
    assert given.headers["x-request-id"] == "abc-1.2_3"
    for hostile in ("x" * 65, "a b", "<script>"):
        response = await world.http.get("/api/nothing", headers={"X-Request-ID": hostile})
        assert response.headers["x-request-id"] not in ("", hostile)


@in_world
async def test_what_nobody_caught_shows_nothing(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(world.context.client), "slot", lambda _self: broken())
    response = await world.get("/api/health")
    expect_problem(response, 500, "InternalError")
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in caplog.text


@given(
    st.decimals(allow_nan=True, allow_infinity=True)
    | st.decimals(0, 1000, places=6)
    | st.integers()
    | st.text()
    | st.floats()
)
def test_lots_are_exact_or_refused(value: object) -> None:
    """Whatever the number, what is accepted is exactly what was sent."""
    try:
        amount_mwh = TypeAdapter(Lots).validate_python(value)
    except ValidationError:
        return
    assert isinstance(value, int | Decimal)
    assert Decimal(amount_mwh) == Decimal(value) * 1_000_000
    assert amount_mwh > 0
    assert amount_mwh % 1000 == 0


@given(st.integers(1, 10**6), st.integers(0, 6), st.booleans())
def test_prices_in_every_notation(digits: int, places: int, exponent: bool) -> None:
    """`5e-05` and `0.00005` are the same JSON number."""
    value = Decimal(digits).scaleb(-places)
    text = f"{digits}e-{places}" if exponent else format(value, "f")
    assert TypeAdapter(Price).validate_python(loads(text)) == digits * 10 ** (6 - places)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.text()
        | st.decimals(allow_nan=False, allow_infinity=False, places=6),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_exact_json_comes_back(value: object) -> None:
    assert loads(dumps(value)) == value


def test_exact_json_has_no_floats() -> None:
    with pytest.raises(TypeError):
        dumps({"a": 0.1})
    with pytest.raises(TypeError):
        dumps(Decimal("NaN"))
