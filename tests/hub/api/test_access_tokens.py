"""Tokens: made, listed and revoked over the API, by whom they concern."""

import datetime as dt
from typing import Any

import pytest
from hub_world import HubWorld, User, expect, expect_problem

from gridtokenx_hub.api.access import tokens
from gridtokenx_hub.api.access.auth import create_token, hash_token

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKENS, ME = "/api/tokens", "/api/users/me"


async def make(world: HubWorld, token: str, key: str | None = None, **body: Any) -> dict[str, Any]:
    return expect(await world.post(TOKENS, {"role": "user", **body}, token, key), 201)


async def delete(world: HubWorld, path: str, token: str) -> Any:
    return await world.http.delete(path, headers={"Authorization": f"Bearer {token}"})


async def listed(world: HubWorld, token: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = expect(await world.get(TOKENS, token), 200)["tokens"]
    return found


async def test_a_user_makes_one_and_revokes_it(world: HubWorld) -> None:
    user = await world.user()
    made = await make(world, user.token, label="dashboard", valid_days=30)
    assert made["user_id"] == user.user_id
    assert expect(await world.get(ME, made["token"]), 200)["wallet"] == user.wallet
    (new, old) = await listed(world, made["token"])
    assert (new["label"], new["is_yours"], old["is_yours"]) == ("dashboard", True, False)
    assert new["last_used_at"]
    assert "token" not in new
    left = dt.datetime.fromisoformat(new["expires_at"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=29) < left <= dt.timedelta(days=30)
    response = await delete(world, f"{TOKENS}/{made['token_id']}", user.token)
    assert response.status_code == 204
    expect_problem(await world.get(ME, made["token"]), 401, "Unauthenticated")
    assert [entry["token_id"] for entry in await listed(world, user.token)] == [old["token_id"]]
    response = await delete(world, f"{TOKENS}/{made['token_id']}", user.token)
    expect_problem(response, 404, "UnknownToken")


async def test_only_the_hash_is_stored(world: HubWorld) -> None:
    user = await world.user()
    made = await make(world, user.token, "k")
    stored = await world.pool.fetchval(
        "SELECT token_hash FROM api_tokens WHERE id = $1", made["token_id"]
    )
    assert stored == hash_token(made["token"])
    assert made["token"] not in str(await world.pool.fetch("SELECT body FROM idempotency_keys"))


async def test_repeated_it_is_the_same_token_with_a_new_secret(world: HubWorld) -> None:
    user = await world.user()
    first = await make(world, user.token, "k", label="twice")
    again = await make(world, user.token, "k", label="twice")
    assert first["token_id"] == again["token_id"]
    expect_problem(await world.get(ME, first["token"]), 401)
    expect(await world.get(ME, again["token"]), 200)
    assert len(await listed(world, user.token)) == 2


async def test_what_users_may_not_make(world: HubWorld) -> None:
    user, other = await world.user(), await world.user()
    for body in (
        {"role": "operator"},
        {"role": "installer"},
        {"role": "user", "user_id": other.user_id},
    ):
        expect_problem(await world.post(TOKENS, body, user.token), 403, "Forbidden")


async def test_what_others_have_is_not_seen(world: HubWorld) -> None:
    user, other = await world.user(), await world.user()
    (theirs,) = await listed(world, other.token)
    response = await delete(world, f"{TOKENS}/{theirs['token_id']}", user.token)
    expect_problem(response, 404, "UnknownToken")
    installer = await create_token(world.pool, "installer")
    (own,) = await listed(world, installer)
    assert own["is_yours"]
    response = await delete(world, f"{TOKENS}/{theirs['token_id']}", installer)
    expect_problem(response, 404, "UnknownToken")
    assert (await delete(world, f"{TOKENS}/{own['token_id']}", installer)).status_code == 204
    expect_problem(await world.get(ME, installer), 401)


async def test_operators_make_and_revoke_anybodys(world: HubWorld) -> None:
    user = await world.user()
    made = await make(world, world.operator, user_id=user.user_id)
    installer = await make(world, world.operator, role="installer", label="van 3")
    assert expect(await world.get(ME, installer["token"]), 200) == {"role": "installer"}
    seen = {entry["token_id"] for entry in await listed(world, world.operator)}
    assert {made["token_id"], installer["token_id"]} <= seen
    for token in (made, installer):
        response = await delete(world, f"{TOKENS}/{token['token_id']}", world.operator)
        assert response.status_code == 204
        expect_problem(await world.get(ME, token["token"]), 401)


async def test_what_operators_ask_wrongly(world: HubWorld) -> None:
    for body in ({"role": "user"}, {"role": "operator", "user_id": 1}):
        expect_problem(await world.post(TOKENS, body, world.operator), 422, "InvalidRequest")
    body = {"role": "user", "user_id": 10**9}
    expect_problem(await world.post(TOKENS, body, world.operator), 404, "UnknownUser")


async def test_a_user_has_so_many(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "TOKENS_OF_A_USER", 3)
    user = await world.user()
    made = [await make(world, user.token) for _ in range(2)]
    response = await world.post(TOKENS, {"role": "user"}, user.token)
    expect_problem(response, 409, "TooManyTokens")
    await delete(world, f"{TOKENS}/{made[0]['token_id']}", user.token)
    await make(world, user.token)


async def test_the_last_use_is_noted_to_the_minute(world: HubWorld) -> None:
    user: User = await world.user()
    noted = "SELECT last_used_at FROM api_tokens WHERE user_id = $1"
    assert await world.pool.fetchval(noted, user.user_id) is None
    now = world.context.clock()
    for after_s, seen_s in ((0, 0), (59, 0), (61, 61), (100, 61)):
        at = now + dt.timedelta(seconds=after_s)
        with world.having(clock=lambda at=at: at):
            expect(await world.get(ME, user.token), 200)
        seen = await world.pool.fetchval(noted, user.user_id)
        assert seen == now + dt.timedelta(seconds=seen_s)


async def test_by_the_page(world: HubWorld) -> None:
    user = await world.user()
    made = [(await make(world, user.token))["token_id"] for _ in range(4)]
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = expect(await world.get(TOKENS, user.token, **query), 200)
        seen += [entry["token_id"] for entry in page["tokens"]]
        cursor = page.get("next")
        if cursor is None:
            break
    assert len(seen) == 5
    assert seen[:4] == sorted(made, reverse=True)
