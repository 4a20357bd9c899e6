"""How often one may ask: others go on, and whoever waits is heard again."""

import pytest
from hub_world import HubWorld, expect, expect_problem

from gridtokenx_hub.api.access import limits
from gridtokenx_hub.api.access.auth import create_token
from gridtokenx_hub.api.access.limits import Buckets, Limits
from gridtokenx_hub.api.http.problems import Problem

pytestmark = pytest.mark.asyncio(loop_scope="session")

ME, BOOK = "/api/users/me", "/api/trading/orders/active"
CREATE = "/api/trading/orders/create"


class Time:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def small(time: Time, requests: int = 3, transactions: int = 1000) -> Limits:
    return Limits(Buckets(0.5, requests, time), Buckets(0.1, transactions, time))


async def test_a_user_who_asks_too_often(world: HubWorld) -> None:
    """All tokens of a user count together; another user, and an operator, are not touched."""
    user, other = await world.user(), await world.user()
    second = await create_token(world.pool, "user", user.user_id)
    time = Time()
    with world.having(limits=small(time)):
        for token in (user.token, second, user.token):
            expect(await world.get(ME, token), 200)
        for token in (user.token, second):
            response = await world.get(ME, token)
            expect_problem(response, 429, "TooManyRequests")
            assert response.headers["retry-after"] == "2"
        expect(await world.get(ME, other.token), 200)
        for _ in range(5):
            expect(await world.get(ME, world.operator), 200)
        time.now_s += 2
        expect(await world.get(ME, user.token), 200)
        expect_problem(await world.get(ME, user.token), 429)


async def test_an_address_that_asks_too_often(world: HubWorld) -> None:
    """Wrong tokens count too; somebody at the same address who is known goes on."""
    user = await world.user()
    with world.having(limits=small(Time())):
        expect(await world.get(BOOK), 200)
        expect_problem(await world.get(ME, "gtx_wrong"), 401)
        expect_problem(await world.get(BOOK, "gtx_wrong"), 401)
        expect_problem(await world.get(BOOK), 429, "TooManyRequests")
        expect_problem(await world.get(BOOK, "gtx_wrong"), 429, "TooManyRequests")
        expect_problem(await world.get(ME, "gtx_wrong"), 429, "TooManyRequests")
        expect(await world.get(ME, user.token), 200)


async def test_what_the_hub_pays_for(world: HubWorld) -> None:
    """Refused before it is counted as the answer of its key."""
    user = await world.user()
    body = {"seller_wallet": user.wallet, "amount_kwh": 1, "price_per_kwh": 1}
    time = Time()
    with world.having(limits=small(time, 1000, 2)):
        for _ in range(2):
            expect_problem(await world.post(CREATE, body, user.token), 409, "InsufficientBalance")
        expect_problem(await world.post(CREATE, body, user.token, "k"), 429, "TooManyRequests")
        expect(await world.get(ME, user.token), 200)
        time.now_s += 10
        expect_problem(await world.post(CREATE, body, user.token, "k"), 409, "InsufficientBalance")


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOLDERS", 10)
    buckets = Buckets(1, 1, Time())
    for number in range(1000):
        buckets.take(number)
    assert len(buckets._levels) == 10
    with pytest.raises(Problem):
        buckets.take(999)


async def test_a_bucket_holds_its_burst() -> None:
    time = Time()
    buckets = Buckets(10, 2, time)
    time.now_s += 3600
    for _ in range(2):
        buckets.take("a")
    with pytest.raises(Problem):
        buckets.take("a")


async def test_a_household_of_addresses() -> None:
    """IPv6 addresses of one network count together."""
    limited = small(Time(), 2)
    limited.request(None, "2001:db8:1:2::1")
    limited.request(None, "2001:db8:1:2:ffff::9")
    with pytest.raises(Problem):
        limited.request(None, "2001:db8:1:2::3")
    limited.request(None, "2001:db8:1:3::1")
    limited.request(None, "192.0.2.1")
    limited.request(None, "unknown")
