"""A code belongs to the first device that claims it."""

import asyncio

import pytest
from hub_world import HubWorld, expect, expect_problem
from installer import LIMITS, Site, expire, install_code, installed, issue, now_ms

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_a_claim_answers(world: HubWorld) -> None:
    user = await world.user("Solar Home A")
    site = Site(world, await install_code(world, user))
    answer = await site.claim()
    info = world.context.deployment
    assert len(bytes.fromhex(answer.pop("meter_id"))) == 16
    assert abs(answer.pop("hub_time_ms") - now_ms(world)) < 60_000
    assert answer.pop("ca_pem").startswith("-----BEGIN CERTIFICATE-----")
    assert answer == {
        "deployment": info.deployment.hex(),
        "settlement_interval_s": info.settlement_interval_s,
        "ack_key": info.ack_public_key.hex(),
        "ack_algorithm": "ed25519",
        "owner_wallet": user.wallet,
        "owner_name": "Solar Home A",
        "suspended": False,
        "broker": {"host": world.context.broker.name, "port": world.context.broker.port},
        **LIMITS,
    }


async def test_again_with_the_same_key(world: HubWorld) -> None:
    site = Site(world, await install_code(world, await world.user()))
    first, second = await site.claim(), await site.claim()
    assert first | {"hub_time_ms": 0} == second | {"hub_time_ms": 0}


async def test_with_another_key(world: HubWorld) -> None:
    code = await install_code(world, await world.user())
    await Site(world, code).claim()
    expect_problem(await Site(world, code).post_claim(), 409, "CodeUsed")


async def test_two_devices_at_once(world: HubWorld) -> None:
    code = await install_code(world, await world.user())
    sites = [Site(world, code) for _ in range(5)]
    responses = await asyncio.gather(*(site.post_claim() for site in sites))
    assert sorted(response.status_code for response in responses) == [201, 409, 409, 409, 409]


async def test_after_it_is_done(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    expect_problem(await site.post_claim(), 409, "CodeUsed")


async def test_another_serial_number(world: HubWorld) -> None:
    code = await install_code(world, await world.user(), serial="4711")
    site = Site(world, code)
    expect_problem(await site.post_claim(), 409, "CodeForAnotherMeter")
    expect_problem(await site.post_claim(serial="4712"), 409, "CodeForAnotherMeter")
    site.serial = "4711"
    await site.claim()
    expect_problem(await site.post_claim(serial="4712"), 409, "CodeForAnotherMeter")


async def test_the_serial_number_of_the_first_claim_stays(world: HubWorld) -> None:
    site = Site(world, await install_code(world, await world.user()), serial="4711")
    await site.claim()
    expect_problem(await site.post_claim(serial="4712"), 409, "CodeForAnotherMeter")


@pytest.mark.parametrize(("off_s", "word"), [(90, "ahead of"), (-90, "behind")])
async def test_a_clock_that_is_off(world: HubWorld, off_s: int, word: str) -> None:
    site = Site(world, await install_code(world, await world.user()))
    response = await site.post_claim(time_ms=now_ms(world) + off_s * 1000)
    expect_problem(response, 409, "ClockOff")
    assert word in response.json()["detail"]
    assert f"{abs(off_s) // 10}" in response.json()["detail"]
    await site.claim()


async def test_an_expired_code(world: HubWorld) -> None:
    user = await world.user()
    issued = await issue(world, purpose="install", user_id=user.user_id, **LIMITS)
    site = Site(world, issued["code"])
    await site.claim()
    await expire(world, issued["code_id"])
    expect_problem(await site.post_claim(), 410, "CodeExpired")
    expect_problem(await site.post_registration(), 410, "CodeExpired")
    expect_problem(await site.status(), 410, "CodeExpired")


async def test_a_used_code_expires_too(world: HubWorld) -> None:
    """Whoever finds it later learns nothing of the house."""
    site = await installed(world, await world.user())
    expect(await site.status(), 200)
    code_id = await world.pool.fetchval(
        "SELECT id FROM provisioning_codes WHERE meter_id = $1", site.device.meter_id
    )
    await expire(world, code_id)
    expect_problem(await site.status(), 410, "CodeExpired")
    expect_problem(await site.post("done"), 410, "CodeExpired")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"public_key": "00" * 32}, "BadKey"),
        ({"public_key": "zz"}, "InvalidRequest"),
        ({"algorithm": "p256"}, "BadKey"),
        ({"algorithm": "rsa"}, "InvalidRequest"),
        ({"time_ms": "now"}, "InvalidRequest"),
        ({"time_ms": -1}, "InvalidRequest"),
        ({"serial": ""}, "InvalidRequest"),
        ({"code": 5}, "InvalidRequest"),
        ({"extra": 1}, "InvalidRequest"),
    ],
)
async def test_what_is_no_claim(world: HubWorld, changes: dict[str, object], error: str) -> None:
    site = Site(world, await install_code(world, await world.user()))
    expect_problem(await site.post_claim(**changes), 422, error)
    expect(await site.post_claim(), 201)
