"""Codes: drawn, read leniently, known by their hash alone."""

import datetime as dt
import re

import httpx
import pytest
from hub_world import HubWorld, expect, expect_problem
from installer import CLAIMS, CODES, LIMITS, Site, expire, install_code, issue

from gridtokenx_hub.api.access.auth import create_token
from gridtokenx_hub.api.http.pagination import write_cursor
from gridtokenx_hub.provisioning.codes import ALPHABET, draw_code, hash_code

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_form_of_a_code() -> None:
    drawn = {draw_code() for _ in range(50)}
    assert len(drawn) == 50
    group = f"[{ALPHABET}]{{4}}"
    assert all(re.fullmatch(f"{group}-{group}-{group}-{group}", code) for code in drawn)
    assert set("".join(drawn)) - {"-"} == set(ALPHABET)


@pytest.mark.parametrize(
    "typed",
    ["k7qf-9m2x-4tda-w3h0", "K7QF 9M2X 4TDA W3HO", "k7qf9m2x4tdaw3ho", " K7QF--9M2X4TDA-W3H0 "],
)
async def test_read_leniently(typed: str) -> None:
    assert hash_code(typed) == hash_code("K7QF-9M2X-4TDA-W3H0")


async def test_letters_that_look_like_one() -> None:
    assert hash_code("IIII-LLLL-iiii-llll") == hash_code("1111-1111-1111-1111")


@pytest.mark.parametrize(
    "typed", ["", "K7QF", "U" * 16, "K7QF-9M2X-4TDA-W3HN5", "é" * 16, "1" * 999]
)
async def test_what_is_no_code(typed: str) -> None:
    assert hash_code(typed) is None


async def test_the_database_holds_the_hash_alone(world: HubWorld) -> None:
    code = await install_code(world, await world.user())
    row = await world.pool.fetchrow("SELECT * FROM provisioning_codes ORDER BY id DESC LIMIT 1")
    assert row is not None
    assert row["code_hash"] == hash_code(code)
    assert code not in str(dict(row))
    assert code.replace("-", "") not in str(dict(row))


async def test_a_typed_code_opens(world: HubWorld) -> None:
    code = await install_code(world, await world.user())
    site = Site(world, code.lower().replace("-", " ").replace("0", "o").replace("1", "l"))
    await site.claim()


async def test_states_in_the_list(world: HubWorld) -> None:
    user = await world.user()
    issued = [
        await issue(world, purpose="install", user_id=user.user_id, **LIMITS) for _ in range(5)
    ]
    _, claimed, done, expired, withdrawn = issued
    await Site(world, claimed["code"]).claim()
    site = Site(world, done["code"])
    await site.claim()
    await site.register()
    expect(await site.post("done"), 200)
    await expire(world, expired["code_id"])
    response = await delete(world, withdrawn["code_id"])
    assert response.status_code == 204
    answer = expect(await world.get(CODES, world.operator), 200)
    states = {entry["code_id"]: entry for entry in answer["codes"]}
    found = [states[one["code_id"]]["state"] for one in issued]
    assert found == ["open", "claimed", "done", "expired", "withdrawn"]
    entry = states[done["code_id"]]
    assert entry["meter_id"] == site.meter_id
    assert entry["owner_wallet"] == user.wallet
    assert "code" not in entry


async def test_the_list_by_the_page(world: HubWorld) -> None:
    user = await world.user()
    body = {"purpose": "install", "user_id": user.user_id, **LIMITS}
    issued = [(await issue(world, **body))["code_id"] for _ in range(3)]
    first = expect(await world.get(CODES, world.operator, limit=2), 200)
    later = (await issue(world, **body))["code_id"]  # it moves nothing
    second = expect(await world.get(CODES, world.operator, limit=2, cursor=first["next"]), 200)
    seen = [entry["code_id"] for page in (first, second) for entry in page["codes"]]
    assert seen[:3] == issued[::-1]
    assert later not in seen
    everything = expect(await world.get(CODES, world.operator, limit=1000), 200)
    assert "next" not in everything
    foreign = write_cursor("quarantine", (1,))
    expect_problem(await world.get(CODES, world.operator, cursor=foreign), 422, "InvalidCursor")


async def delete(world: HubWorld, code_id: int) -> httpx.Response:
    return await world.http.delete(
        f"{CODES}/{code_id}", headers={"Authorization": f"Bearer {world.operator}"}
    )


async def test_withdrawing(world: HubWorld) -> None:
    user = await world.user()
    issued = await issue(world, purpose="install", user_id=user.user_id, **LIMITS)
    for _ in range(2):
        assert (await delete(world, issued["code_id"])).status_code == 204
    expect_problem(await Site(world, issued["code"]).post_claim(), 404, "UnknownCode")
    expect_problem(await delete(world, 10**9), 404, "UnknownCode")


async def test_what_is_done_cannot_be_withdrawn(world: HubWorld) -> None:
    user = await world.user()
    issued = await issue(world, purpose="install", user_id=user.user_id, **LIMITS)
    site = Site(world, issued["code"])
    await site.claim()
    await site.register()
    expect_problem(await delete(world, issued["code_id"]), 409, "CodeUsed")


async def test_unknown_and_withdrawn_are_told_in_the_same_words(world: HubWorld) -> None:
    user = await world.user()
    issued = await issue(world, purpose="install", user_id=user.user_id, **LIMITS)
    await delete(world, issued["code_id"])
    withdrawn = await Site(world, issued["code"]).post_claim()
    unknown = await Site(world, draw_code()).post_claim()
    nonsense = await Site(world, "hello").post_claim()
    assert withdrawn.json() == unknown.json() == nonsense.json()


async def test_who_may_issue(world: HubWorld) -> None:
    user = await world.user()
    body = {"purpose": "install", "user_id": user.user_id, **LIMITS}
    installer = await create_token(world.pool, "installer")
    expect_problem(await world.post(CODES, body), 401, "Unauthenticated")
    for token in (installer, user.token):
        expect_problem(await world.post(CODES, body, token), 403, "Forbidden")
        expect_problem(await world.get(CODES, token), 403, "Forbidden")


async def test_what_cannot_be_issued(world: HubWorld) -> None:
    user = await world.user()
    install = {"purpose": "install", "user_id": user.user_id, **LIMITS}
    meter = {"meter_id": "00" * 16}
    wrong = [
        ({"purpose": "install"}, 422, "InvalidRequest"),
        (install | meter, 422, "InvalidRequest"),
        (install | {"valid_for_s": 1}, 422, "InvalidRequest"),
        (install | {"purpose": "sale"}, 422, "InvalidRequest"),
        (install | {"user_id": 10**9}, 404, "UnknownUser"),
        ({"purpose": "rotate_key"}, 422, "InvalidRequest"),
        ({"purpose": "rotate_key", "meter_id": "xy"}, 422, "InvalidRequest"),
        ({"purpose": "rotate_key", **meter}, 404, "UnknownMeter"),
        ({"purpose": "transfer", **meter}, 422, "InvalidRequest"),
    ]
    for body, status, error in wrong:
        expect_problem(await world.post(CODES, body, world.operator), status, error)


async def test_too_many_wrong_codes(world: HubWorld) -> None:
    """Of one caller; a right code counts for nothing, and others are heard."""
    site = Site(world, await install_code(world, await world.user()))
    body = site.claim_body(code=draw_code())
    for _ in range(10):
        await site.claim()
        expect_problem(await world.post(CLAIMS, body), 404, "UnknownCode")
    response = await site.post_claim()
    expect_problem(response, 429, "TooManyTries")
    assert 0 < int(response.headers["retry-after"]) <= 60
    clock = world.context.clock
    with world.having(clock=lambda: clock() + dt.timedelta(seconds=61)):
        await site.claim()
