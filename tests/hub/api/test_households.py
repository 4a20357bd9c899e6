"""Users, their GRX and their balances."""

from decimal import Decimal

import pytest
from hub_world import GRX_CAP, HubWorld, expect, expect_problem
from solders.pubkey import Pubkey

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_user_is_on_chain(world: HubWorld) -> None:
    user = await world.user("Solar Home A", "consumer")
    wallet = Pubkey.from_string(user.wallet)
    account = await world.context.client.account(world.context.addresses.user(wallet))
    assert account is not None
    stored = world.context.programs["registry"].decode_account("User", account.data)
    assert (stored["wallet"], stored["user_type"]) == (wallet, "Consumer")
    row = await world.pool.fetchrow("SELECT * FROM users WHERE id = $1", user.user_id)
    assert row is not None
    assert (row["name"], row["user_type"]) == ("Solar Home A", "consumer")
    assert row["registered_at"] is not None, "the indexer has seen it"
    me = expect(await world.get("/api/users/me", user.token), 200)
    assert me == {
        "role": "user",
        "user_id": user.user_id,
        "wallet": user.wallet,
        "name": "Solar Home A",
    }


async def test_token_accounts_are_there(world: HubWorld) -> None:
    user = await world.user()
    answer = expect(await world.get(f"/api/users/{user.user_id}/balances", user.token), 200)
    assert (answer["energy_kwh"], answer["grx"]) == (0, 0)
    for account in (answer["energy_account"], answer["grx_account"]):
        assert await world.context.client.account(Pubkey.from_string(account)) is not None


async def test_zero_is_written_as_a_decimal(world: HubWorld) -> None:
    user = await world.user()
    response = await world.get(f"/api/users/{user.user_id}/balances", user.token)
    assert response.text.startswith('{"energy_kwh":0.0,"grx":0.0,')


async def test_user_types(world: HubWorld) -> None:
    for bad in ("Prosumer", "", "operator", 0, None):
        body = {"name": "A", "user_type": bad}
        expect_problem(await world.post("/api/users", body, world.operator), 422)


async def test_grx_to_the_last_digit(world: HubWorld) -> None:
    user = await world.user()
    body = {"user_id": user.user_id, "amount_grx": Decimal("123456.000001")}
    answer = expect(await world.post("/api/treasury/grx", body, world.operator), 201)
    assert answer["amount_grx"] == Decimal("123456.000001")
    assert await world.balances(user) == (0, Decimal("123456.000001"))


async def test_grx_beyond_the_cap(world: HubWorld) -> None:
    user = await world.user()
    body = {"user_id": user.user_id, "amount_grx": GRX_CAP // 10**6}
    response = await world.post("/api/treasury/grx", body, world.operator)
    expect_problem(response, 409, "CapExceeded")
    assert await world.balances(user) == (0, 0)


async def test_grx_for_nobody(world: HubWorld) -> None:
    body = {"user_id": 10**9, "amount_grx": 1}
    expect_problem(await world.post("/api/treasury/grx", body, world.operator), 404, "UnknownUser")
    response = await world.get(f"/api/users/{10**9}/balances", world.operator)
    expect_problem(response, 404, "UnknownUser")
