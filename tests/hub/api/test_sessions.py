"""Sessions of the pages: a cookie that takes a token's place, for the hub's own pages alone."""

import datetime as dt
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
import pytest
from hub_world import HubWorld, User, expect, expect_problem

from gridtokenx_hub.api.access.auth import create_token
from gridtokenx_hub.settings import ApiSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

SESSIONS, CURRENT = "/api/sessions", "/api/sessions/current"
ME, TOKENS = "/api/users/me", "/api/tokens"
OWN = {"Origin": "http://hub"}


def cookie_of(response: httpx.Response) -> "Morsel[str]":
    (cookie,) = SimpleCookie(response.headers["set-cookie"]).values()
    return cookie


async def open_session(world: HubWorld, token: str) -> str:
    """The cookie that a browser sends."""
    response = await world.post(SESSIONS, {}, token)
    expect(response, 201)
    world.http.cookies.clear()  # other tests have none
    cookie = cookie_of(response)
    return f"{cookie.key}={cookie.value}"


async def by_cookie(
    world: HubWorld, method: str, path: str, cookie: str, **headers: str
) -> httpx.Response:
    body: dict[str, Any] = {"json": {"role": "user"}} if path == TOKENS and method == "POST" else {}
    return await world.http.request(method, path, headers={"Cookie": cookie, **headers}, **body)


async def test_a_page_acts_by_its_cookie(world: HubWorld) -> None:
    user = await world.user()
    cookie = await open_session(world, user.token)
    me = expect(await by_cookie(world, "GET", ME, cookie), 200)
    assert (me["user_id"], me["role"]) == (user.user_id, "user")
    expect(await by_cookie(world, "POST", TOKENS, cookie, **OWN), 201)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://hub.evil.example"},
        {"Origin": "http://evil.example/?http://hub"},
        {"Origin": "hub"},
        {"Referer": "http://hub/"},
    ],
)
async def test_another_sites_form(world: HubWorld, headers: dict[str, str]) -> None:
    """A browser sends the cookie with it, and says where it comes from."""
    user = await world.user()
    cookie = await open_session(world, user.token)
    for method, path in (("POST", TOKENS), ("DELETE", CURRENT)):
        response = await by_cookie(world, method, path, cookie, **headers)
        expect_problem(response, 403, "ForeignOrigin")
    expect(await by_cookie(world, "GET", ME, cookie, **headers), 200)


@pytest.mark.parametrize("public_url", ["http://hub", "https://hub.example"])
async def test_the_cookie_is_for_this_hub_alone(world: HubWorld, public_url: str) -> None:
    with world.having(settings=ApiSettings(public_url=public_url)):
        response = await world.post(SESSIONS, {}, world.operator)
    world.http.cookies.clear()
    cookie = cookie_of(response)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
    assert not cookie["domain"]
    is_secure = public_url.startswith("https")
    assert bool(cookie["secure"]) == is_secure
    assert cookie.key == ("__Host-gtx_session" if is_secure else "gtx_session")
    assert cookie.value not in response.text


async def test_it_ends_by_itself_and_with_its_token(world: HubWorld) -> None:
    user = await world.user()
    cookie = await open_session(world, user.token)
    later = world.context.clock() + dt.timedelta(hours=12)
    with world.having(clock=lambda: later):
        expect_problem(await by_cookie(world, "GET", ME, cookie), 401, "Unauthenticated")
        expect(await world.get(ME, user.token), 200)
    (session, token) = expect(await world.get(TOKENS, user.token), 200)["tokens"]
    assert (session["is_session"], token["is_session"]) == (True, False)
    headers = {"Authorization": f"Bearer {user.token}"}
    await world.http.delete(f"{TOKENS}/{token['token_id']}", headers=headers)
    expect_problem(await by_cookie(world, "GET", ME, cookie), 401, "Unauthenticated")


async def test_it_lives_no_longer_than_its_token(world: HubWorld) -> None:
    soon = world.context.clock() + dt.timedelta(hours=1)
    token = await create_token(world.pool, "installer", None, soon)
    cookie = await open_session(world, token)
    with world.having(clock=lambda: soon):
        expect_problem(await by_cookie(world, "GET", ME, cookie), 401)


async def test_signing_out(world: HubWorld) -> None:
    user: User = await world.user()
    cookie = await open_session(world, user.token)
    response = await by_cookie(world, "DELETE", CURRENT, cookie, **OWN)
    assert response.status_code == 204
    assert cookie_of(response)["max-age"] == "0"
    expect_problem(await by_cookie(world, "GET", ME, cookie), 401, "Unauthenticated")
    expect(await world.get(ME, user.token), 200)


async def test_neither_is_taken_for_the_other(world: HubWorld) -> None:
    """A session's secret is no token, and a token is no session's."""
    user = await world.user()
    cookie = await open_session(world, user.token)
    name, _, secret = cookie.partition("=")
    expect_problem(await world.get(ME, secret), 401, "Unauthenticated")
    expect_problem(await by_cookie(world, "GET", ME, f"{name}={user.token}"), 401)
    response = await by_cookie(world, "POST", SESSIONS, cookie, **OWN)
    expect_problem(response, 409, "AlreadySignedIn")
    headers = {"Authorization": f"Bearer {user.token}"}
    expect_problem(await world.http.delete(CURRENT, headers=headers), 409, "NoSession")


async def test_a_token_in_the_header_counts_before_the_cookie(world: HubWorld) -> None:
    user, other = await world.user(), await world.user()
    cookie = await open_session(world, user.token)
    headers = {"Authorization": f"Bearer {other.token}"}
    me = expect(await by_cookie(world, "GET", ME, cookie, **headers), 200)
    assert me["user_id"] == other.user_id


async def test_the_stream_of_events_takes_it(world: HubWorld) -> None:
    """Good no more, it is refused: its holder would miss what is theirs and not know."""
    response = await world.http.get("/api/events", headers={"Cookie": "gtx_session=gone"})
    expect_problem(response, 401, "Unauthenticated")
