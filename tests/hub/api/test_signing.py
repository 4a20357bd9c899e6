"""Users whose wallets the hub does not hold sign by themselves; the hub adds the rest."""

import asyncio
import base64
from decimal import Decimal
from typing import Any

import pytest
from crashes import Crash
from hub_world import Device, HubWorld, expect, expect_problem
from signers import Owner, encoded, register, signed_by, transaction_of
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.transaction import Transaction

pytestmark = pytest.mark.asyncio(loop_scope="session")

CREATE, MATCH = "/api/trading/orders/create", "/api/trading/orders/match"
METERS, GRX = "/api/meters", "/api/treasury/grx"
MWH_PER_KWH = 1_000_000


async def seller_of(world: HubWorld, kwh: int) -> Owner:
    """A household with its own wallet, and that much energy from its own meter."""
    owner = await register(world, "Own wallet")
    device = Device(world.context.deployment.deployment)
    body = device.registration(owner.user.user_id)
    offer = expect(await world.post(METERS, body, world.operator), 202)
    signed = signed_by(owner.keypair, offer)
    expect(await world.post(METERS, body, world.operator, signed=signed), 201)
    await world.settle(owner.user, device, kwh * MWH_PER_KWH)
    return owner


async def buyer_of(world: HubWorld, grx: int) -> Owner:
    owner = await register(world, "Own wallet", "consumer")
    body = {"user_id": owner.user.user_id, "amount_grx": Decimal(grx)}
    expect(await world.post(GRX, body, world.operator), 201)
    return owner


def selling(owner: Owner, kwh: object) -> dict[str, Any]:
    return {"seller_wallet": owner.wallet, "amount_kwh": kwh, "price_per_kwh": Decimal("1.50")}


async def fees(world: HubWorld) -> int:
    """What the fee payers have, lamports."""
    payers = [key.pubkey() for key in world.context.keys.fee_payers]
    return sum([await world.context.client.balance(payer) for payer in payers])


async def test_a_trade_between_two(world: HubWorld) -> None:
    """The answers are those that wallets of the hub get."""
    seller, buyer = await seller_of(world, 3), await buyer_of(world, 5)
    offer = await seller.ask(CREATE, selling(seller, 2))
    assert offer["owner_wallet"] == seller.wallet
    assert all(bytes(made) == bytes(64) for made in transaction_of(offer).signatures)
    assert await world.balances(seller.user) == (3, 0)
    signed = signed_by(seller.keypair, offer)
    order = expect(await seller.back(CREATE, selling(seller, 2), signed), 201)
    theirs = await world.sell(await world.seller(1), 1, 1)
    assert order.keys() == theirs.keys()
    assert (order["amount_kwh"], order["total_price_grx"], order["status"]) == (2, 3, "active")
    body = {"buyer_wallet": buyer.wallet, "order_id": order["order_id"]}
    trade = expect(await buyer.do(MATCH, body), 200)
    assert (trade["amount_kwh"], trade["status"]) == (2, "filled")
    assert await world.balances(seller.user) == (1, 3)
    assert await world.balances(buyer.user) == (2, 2)


async def test_bytes_that_the_hub_did_not_make(world: HubWorld) -> None:
    """None of them costs the request its chance: the right ones are still taken."""
    seller = await seller_of(world, 1)
    body = selling(seller, 1)
    offer = await seller.ask(CREATE, body, "k")
    transaction = transaction_of(offer)
    message, raw = transaction.message, bytes(transaction)
    other = Message.new_with_blockhash(
        [set_compute_unit_limit(1)], message.account_keys[0], Hash.new_unique()
    )
    flipped = raw[:-1] + bytes([raw[-1] ^ 1])
    wrong = [
        (encoded(Transaction.new_unsigned(other)), 409, "TransactionNotOffered"),
        (base64.b64encode(flipped).decode(), 409, "TransactionNotOffered"),
        (offer["transaction"], 422, "BadSignature"),
        (signed_by(seller.keypair, offer, Keypair()), 422, "BadSignature"),
        (base64.b64encode(b"\0" + bytes(message)).decode(), 422, "BadSignature"),
        (base64.b64encode(raw[:-1]).decode(), 422, "Malformed"),
        ("AAAA", 422, "Malformed"),
        ("", 422, "Malformed"),
        ("not base64", 422, "Malformed"),
    ]
    for transaction_text, status, error in wrong:
        for key in ("k", None):
            response = await seller.back(CREATE, body, transaction_text, key)
            if key is None and error == "BadSignature":
                expect_problem(response, 409, "TransactionNotOffered")
            else:
                expect_problem(response, status, error)
    assert await world.balances(seller.user) == (1, 0)
    expect(await seller.back(CREATE, body, signed_by(seller.keypair, offer), "k"), 201)


async def test_without_a_key_the_transaction_is_the_key(world: HubWorld) -> None:
    seller = await seller_of(world, 2)
    body = selling(seller, 1)
    offer = await seller.ask(CREATE, body)
    expect_problem(await seller.back(CREATE, body, offer["transaction"]), 422, "BadSignature")
    signed = signed_by(seller.keypair, offer)
    response = await seller.back(CREATE, selling(seller, 2), signed)
    expect_problem(response, 409, "TransactionNotOffered")
    first = expect(await seller.back(CREATE, body, signed), 201)
    assert expect(await seller.back(CREATE, body, signed), 201) == first
    assert await world.balances(seller.user) == (1, 0)


async def test_repeated_with_a_key(world: HubWorld) -> None:
    seller = await seller_of(world, 2)
    body = selling(seller, 1)
    offer = await seller.ask(CREATE, body, "k")
    assert await seller.ask(CREATE, body, "k") == offer
    signed = signed_by(seller.keypair, offer)
    first = expect(await seller.back(CREATE, body, signed, "k"), 201)
    assert expect(await seller.back(CREATE, body, signed, "k"), 201) == first
    assert expect(await world.post(CREATE, body, seller.user.token, "k"), 201) == first
    assert await world.balances(seller.user) == (1, 0)


async def test_what_another_was_to_sign(world: HubWorld) -> None:
    """Neither with another's token, nor for a wallet that the hub holds."""
    seller, other = await seller_of(world, 1), await world.seller(1)
    body = selling(seller, 1)
    signed = signed_by(seller.keypair, await seller.ask(CREATE, body))
    response = await world.post(CREATE, body, other.token, signed=signed)
    expect_problem(response, 403, "Forbidden")
    theirs = {**body, "seller_wallet": other.wallet}
    response = await world.post(CREATE, theirs, other.token, signed=signed)
    expect_problem(response, 409, "TransactionNotOffered")
    expect(await seller.back(CREATE, body, signed), 201)


async def test_sent_back_twice_at_once(world: HubWorld) -> None:
    seller = await seller_of(world, 2)
    body = selling(seller, 1)
    signed = signed_by(seller.keypair, await seller.ask(CREATE, body))
    responses = await asyncio.gather(*(seller.back(CREATE, body, signed) for _ in range(3)))
    assert {response.status_code for response in responses} <= {201, 409}
    assert await world.balances(seller.user) == (1, 0)
    expect(await seller.back(CREATE, body, signed), 201)


@pytest.mark.parametrize("key", ["k", None])
async def test_an_offer_that_has_expired(world: HubWorld, key: str | None) -> None:
    seller = await seller_of(world, 1)
    body = selling(seller, 1)
    offer = await seller.ask(CREATE, body, key)
    await world.pool.execute(
        "UPDATE idempotency_keys SET body = jsonb_set(body,"
        " '{create_order,last_valid_block_height}', '-1')"
        " WHERE token_id = (SELECT id FROM api_tokens WHERE user_id = $1)",
        seller.user.user_id,
    )
    signed = signed_by(seller.keypair, offer)
    expect_problem(await seller.back(CREATE, body, signed, key), 409, "OfferExpired")
    fresh = await seller.ask(CREATE, body, key)
    assert fresh["transaction"] != offer["transaction"]
    signed = signed_by(seller.keypair, fresh)
    expect(await seller.back(CREATE, body, signed, key), 201)


@pytest.mark.parametrize("when", ["before_sending", "after_sending"])
@pytest.mark.parametrize("key", ["k", None])
async def test_one_order_after_a_crash(
    world: HubWorld, crash: Crash, when: str, key: str | None
) -> None:
    seller = await seller_of(world, 2)
    body = selling(seller, 1)
    signed = signed_by(seller.keypair, await seller.ask(CREATE, body, key))
    getattr(crash, when)()
    expect_problem(await seller.back(CREATE, body, signed, key), 503, "ChainUnavailable")
    crash.restart()
    expect(await seller.back(CREATE, body, signed, key), 201)
    assert await world.balances(seller.user) == (1, 0)


async def test_what_would_fail_is_not_offered(world: HubWorld) -> None:
    seller = await seller_of(world, 1)
    response = await world.post(CREATE, selling(seller, 2), seller.user.token)
    expect_problem(response, 409, "InsufficientBalance")


async def test_what_fails_later_costs_the_hub_nothing(world: HubWorld) -> None:
    """The owner spends the energy elsewhere before signing: no fee is paid for the refusal."""
    seller = await seller_of(world, 1)
    body = selling(seller, 1)
    first = signed_by(seller.keypair, await seller.ask(CREATE, body))
    second = signed_by(seller.keypair, await seller.ask(CREATE, body))
    expect(await seller.back(CREATE, body, first), 201)
    before = await fees(world)
    for _ in range(2):
        response = await seller.back(CREATE, body, second)
        expect_problem(response, 409, "InsufficientBalance")
    assert await fees(world) == before


async def test_a_wallet_is_registered_once(world: HubWorld) -> None:
    owner = await register(world, "Once", key="once")
    body = {"name": "Twice", "user_type": "prosumer", "wallet": owner.wallet}
    response = await world.post("/api/users", body, world.operator)
    expect_problem(response, 409, "UserAlreadyRegistered")


async def test_a_registration_that_was_never_signed(world: HubWorld) -> None:
    """The wallet is not lost to its owner."""
    keypair = Keypair()
    body = {"name": "First", "user_type": "prosumer", "wallet": str(keypair.pubkey())}
    expect(await world.post("/api/users", body, world.operator), 202)
    body["name"] = "Second"
    offer = expect(await world.post("/api/users", body, world.operator), 202)
    signed = signed_by(keypair, offer)
    answer = expect(await world.post("/api/users", body, world.operator, signed=signed), 201)
    me = expect(await world.get("/api/users/me", answer["token"]), 200)
    assert (me["name"], me["wallet"]) == ("Second", str(keypair.pubkey()))
