"""Sign-in with a wallet: once, for this hub, by the wallet's own key."""

import asyncio
import base64
import datetime as dt
from typing import Any

import httpx
import pytest
from hub_world import HubWorld, expect, expect_problem
from signers import register, signed_by
from solders.keypair import Keypair

from gridtokenx_hub.api.access.challenges import Challenges
from gridtokenx_hub.settings import ApiSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASK, SIGN_IN = "/api/sign-in/challenges", "/api/sign-in"
REGISTER, ME = "/api/users/me/registration", "/api/users/me"


async def ask(world: HubWorld, wallet: Keypair) -> dict[str, Any]:
    return expect(await world.post(ASK, {"wallet": str(wallet.pubkey())}), 201)


async def enter(
    world: HubWorld,
    wallet: Keypair,
    challenge: dict[str, Any],
    by: Keypair | None = None,
    **more: Any,
) -> httpx.Response:
    """Sign the challenge's text and send it."""
    signature = (by or wallet).sign_message(challenge["message"].encode())
    body = {
        "wallet": str(wallet.pubkey()),
        "nonce": challenge["nonce"],
        "signature": base64.b64encode(bytes(signature)).decode(),
    }
    return await world.post(SIGN_IN, body | more)


async def test_a_wallet_signs_in(world: HubWorld) -> None:
    owner = await register(world, "Signs in")
    signed_in = expect(await enter(world, owner.keypair, await ask(world, owner.keypair)), 201)
    assert (signed_in["user_id"], signed_in["is_registered"]) == (owner.user.user_id, True)
    assert expect(await world.get(ME, signed_in["token"]), 200)["wallet"] == owner.wallet
    later = world.context.clock() + dt.timedelta(hours=12)
    with world.having(clock=lambda: later):
        expect_problem(await world.get(ME, signed_in["token"]), 401)


async def test_the_text(world: HubWorld) -> None:
    """As wallets make it themselves from the same fields, line by line."""
    wallet = Keypair()
    with world.having(settings=ApiSettings(public_url="https://hub.example")):
        challenge = await ask(world, wallet)
    assert challenge["message"].split("\n") == [
        "hub.example wants you to sign in with your Solana account:",
        str(wallet.pubkey()),
        "",
        challenge["statement"],
        "",
        "URI: https://hub.example",
        "Version: 1",
        f"Nonce: {challenge['nonce']}",
        f"Issued At: {challenge['issued_at']}",
        f"Expiration Time: {challenge['expiration_time']}",
        "Resources:",
        f"- urn:gridtokenx:deployment:{world.context.deployment.deployment.hex()}",
    ]
    assert challenge["nonce"].isalnum()


async def test_another_hosts_name_is_not_taken(world: HubWorld) -> None:
    """A page that passes calls on cannot have a challenge for its own domain."""
    body = {"wallet": str(Keypair().pubkey())}
    response = await world.http.post(ASK, json=body, headers={"Host": "evil.example"})
    assert expect(response, 201)["domain"] == "hub"


async def test_it_is_good_once(world: HubWorld) -> None:
    owner = await register(world, "Once")
    challenge = await ask(world, owner.keypair)
    responses = await asyncio.gather(*(enter(world, owner.keypair, challenge) for _ in range(3)))
    assert sorted(response.status_code for response in responses) == [201, 403, 403]
    expect_problem(await enter(world, owner.keypair, challenge), 403, "SignInRefused")


async def test_a_wrong_signature_does_not_use_it_up(world: HubWorld) -> None:
    owner = await register(world, "Twice")
    challenge = await ask(world, owner.keypair)
    response = await enter(world, owner.keypair, challenge, Keypair())
    expect_problem(response, 403, "SignInRefused")
    expect(await enter(world, owner.keypair, challenge), 201)


async def test_what_is_refused(world: HubWorld) -> None:
    owner, other = await register(world, "Refused"), await register(world, "Other")
    challenge, theirs = await ask(world, owner.keypair), await ask(world, other.keypair)
    altered = {**challenge, "message": challenge["message"] + " "}
    refused = [
        await enter(world, owner.keypair, challenge | {"nonce": theirs["nonce"]}),
        await enter(world, owner.keypair, theirs),
        await enter(world, owner.keypair, altered),
        await enter(world, owner.keypair, challenge, signature=""),
        await enter(world, owner.keypair, challenge, signature="AAAA"),
        await enter(world, owner.keypair, challenge, nonce=""),
        await enter(world, owner.keypair, challenge, nonce="f" * 60),
        await enter(world, owner.keypair, challenge, nonce=challenge["nonce"].upper()),
    ]
    for response in refused:
        expect_problem(response, 403, "SignInRefused")


@pytest.mark.parametrize("off", [dt.timedelta(minutes=6), dt.timedelta(minutes=-6)])
async def test_too_late_or_from_the_future(world: HubWorld, off: dt.timedelta) -> None:
    owner = await register(world, "Late")
    challenge = await ask(world, owner.keypair)
    then = world.context.clock() + off
    with world.having(clock=lambda: then):
        expect_problem(await enter(world, owner.keypair, challenge), 403, "SignInRefused")


async def test_another_hubs_challenge(world: HubWorld) -> None:
    """Another domain, or another process: neither is this one's."""
    owner = await register(world, "Elsewhere")
    challenge = await ask(world, owner.keypair)
    with world.having(settings=ApiSettings(public_url="http://other")):
        expect_problem(await enter(world, owner.keypair, challenge), 403, "SignInRefused")
    with world.having(challenges=Challenges()):
        expect_problem(await enter(world, owner.keypair, challenge), 403, "SignInRefused")


async def test_a_wallet_of_nobody(world: HubWorld) -> None:
    wallet = Keypair()
    me = {"name": "Myself", "user_type": "consumer"}
    for more in ({}, me):
        response = await enter(world, wallet, await ask(world, wallet), **more)
        expect_problem(response, 404, "UnknownWallet")


async def test_a_wallet_registers_itself(world: HubWorld) -> None:
    """Where the operator allows some a day, and no more than those."""
    wallet, next_wallet = Keypair(), Keypair()
    me = {"name": "Myself", "user_type": "consumer"}
    with world.having(settings=ApiSettings(public_url="http://hub", registrations_per_day=1)):
        response = await enter(world, wallet, await ask(world, wallet))
        expect_problem(response, 404, "UnknownWallet")
        signed_in = expect(await enter(world, wallet, await ask(world, wallet), **me), 201)
        assert not signed_in["is_registered"]
        response = await enter(world, next_wallet, await ask(world, next_wallet), **me)
        expect_problem(response, 404, "UnknownWallet")
        again = expect(await enter(world, wallet, await ask(world, wallet), **me), 201)
        assert again["user_id"] == signed_in["user_id"]
    offer = expect(await world.post(REGISTER, {}, signed_in["token"]), 202)
    signed = signed_by(wallet, offer)
    user = expect(await world.post(REGISTER, {}, signed_in["token"], signed=signed), 201)
    assert user == {"user_id": signed_in["user_id"], "wallet": str(wallet.pubkey())}
    assert expect(await world.post(REGISTER, {}, signed_in["token"]), 201) == user
    signed_in = expect(await enter(world, wallet, await ask(world, wallet)), 201)
    assert signed_in["is_registered"]
