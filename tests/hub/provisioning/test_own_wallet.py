"""Owners whose wallets the hub does not hold sign by themselves; the hub adds the rest."""

import base64
from typing import Any

import pytest
from hub_world import HubWorld, User, expect, expect_problem
from installer import Site, history, install_code, request_for, rotation, site_for
from signers import encoded, register, signed_by, transaction_of
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.transaction import Transaction

from gridtokenx_protocol.keys import key_id

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def own_wallet(world: HubWorld) -> tuple[Keypair, User]:
    """A household with its own wallet."""
    owner = await register(world, "Own wallet")
    return owner.keypair, owner.user


class Offered:
    """A site whose registration waits for the owner."""

    def __init__(self, site: Site, wallet: Keypair, body: dict[str, Any]) -> None:
        self.site = site
        self.wallet = wallet
        self.body = body

    async def offer(self) -> dict[str, Any]:
        return expect(await self.site.post("registration", **self.body), 202)

    def signed(self, offer: dict[str, Any], by: Keypair | None = None) -> str:
        return signed_by(self.wallet, offer, by)


async def offered(world: HubWorld) -> Offered:
    wallet, user = await own_wallet(world)
    site = Site(world, await install_code(world, user))
    await site.claim()
    body = {"baseline": site.reading(1), "csr_pem": request_for(site.meter_id)}
    return Offered(site, wallet, body)


async def test_the_whole_way(world: HubWorld) -> None:
    waiting = await offered(world)
    offer = await waiting.offer()
    assert offer["owner_wallet"] == str(waiting.wallet.pubkey())
    unsigned = transaction_of(offer)
    assert all(bytes(signature) == bytes(64) for signature in unsigned.signatures)
    assert await waiting.offer() == offer, "asked again, the same"
    signed = waiting.signed(offer)
    answer = expect(await waiting.site.post("owner-signature", transaction=signed), 201)
    assert answer["certificate_pem"]
    again = expect(await waiting.site.post("owner-signature", transaction=signed), 201)
    assert again == answer
    assert expect(await waiting.site.post("registration", **waiting.body), 201) == answer
    assert await history(world, waiting.site.device.meter_id) == 1
    sheet = expect(await waiting.site.post("done"), 200)
    assert sheet["owner_wallet"] == str(waiting.wallet.pubkey())


async def test_bytes_that_the_hub_did_not_make(world: HubWorld) -> None:
    waiting = await offered(world)
    offer = await waiting.offer()
    message = transaction_of(offer).message
    payer = message.account_keys[0]
    other = Message.new_with_blockhash([set_compute_unit_limit(1)], payer, Hash.new_unique())
    wrong = [
        (encoded(Transaction.new_unsigned(other)), 409, "TransactionNotOffered"),
        (offer["transaction"], 422, "BadSignature"),
        (waiting.signed(offer, Keypair()), 422, "BadSignature"),
        (base64.b64encode(b"\0" + bytes(message)).decode(), 422, "BadSignature"),
        ("AAAA", 422, "Malformed"),
        ("", 422, "Malformed"),
    ]
    for transaction, status, error in wrong:
        response = await waiting.site.post("owner-signature", transaction=transaction)
        expect_problem(response, status, error)
    assert await history(world, waiting.site.device.meter_id) == 0


async def test_an_offer_that_has_expired(world: HubWorld) -> None:
    waiting = await offered(world)
    offer = await waiting.offer()
    await world.pool.execute(
        "UPDATE provisioning_codes SET journal = jsonb_set(journal,"
        " '{transaction,last_valid_block_height}', '-1') WHERE meter_id = $1",
        waiting.site.device.meter_id,
    )
    response = await waiting.site.post("owner-signature", transaction=waiting.signed(offer))
    expect_problem(response, 409, "OfferExpired")
    fresh = await waiting.offer()
    assert fresh["transaction"] != offer["transaction"]
    response = await waiting.site.post("owner-signature", transaction=waiting.signed(offer))
    expect_problem(response, 409, "TransactionNotOffered")
    signed = waiting.signed(fresh)
    expect(await waiting.site.post("owner-signature", transaction=signed), 201)


async def registered(world: HubWorld) -> tuple[Site, Keypair]:
    """A site of an owner with a wallet of their own."""
    waiting = await offered(world)
    signed = waiting.signed(await waiting.offer())
    expect(await waiting.site.post("owner-signature", transaction=signed), 201)
    return waiting.site, waiting.wallet


async def test_a_rotation(world: HubWorld) -> None:
    old, wallet = await registered(world)
    site = await site_for(world, old, "rotate_key")
    await site.claim()
    body = rotation(old, site, site.reading(5))
    offer = expect(await site.post("rotation", **body), 202)
    assert offer["owner_wallet"] == str(wallet.pubkey())
    signed = signed_by(wallet, offer)
    answer = expect(await site.post("owner-signature", transaction=signed), 201)
    assert expect(await site.post("owner-signature", transaction=signed), 201) == answer
    done = expect(await site.post("rotation", **body), 201)
    assert done == {"tx_signature": answer["tx_signature"]}
    sheet = expect(await site.post("done"), 200)
    assert sheet["key_id"] == key_id(site.device.signer.public_key).hex()


async def test_a_transfer_between_two(world: HubWorld) -> None:
    """Each signs the offer, in any order; the first signature is kept for the second."""
    site, seller = await registered(world)
    buyer, heir = await own_wallet(world)
    await settled(world, site, seller)
    await site.take("transfer", new_user_id=heir.user_id)
    offer = expect(await site.post("transfer"), 202)
    assert offer["owner_wallet"] == str(seller.pubkey())
    second = expect(await site.post("owner-signature", transaction=signed_by(buyer, offer)), 202)
    assert second["owner_wallet"] == str(seller.pubkey())
    assert expect(await site.post("transfer"), 202) == second
    answer = expect(await site.post("owner-signature", transaction=signed_by(seller, offer)), 201)
    done = expect(await site.post("transfer"), 201)
    assert done == {"tx_signature": answer["tx_signature"]}
    sheet = expect(await site.post("done"), 200)
    assert sheet["owner_wallet"] == str(buyer.pubkey())


async def test_a_transfer_to_a_wallet_of_the_hub(world: HubWorld) -> None:
    site, seller = await registered(world)
    heir = await world.user()
    await settled(world, site, seller)
    await site.take("transfer", new_user_id=heir.user_id)
    offer = expect(await site.post("transfer"), 202)
    expect(await site.post("owner-signature", transaction=signed_by(seller, offer)), 201)
    assert expect(await site.post("done"), 200)["owner_wallet"] == heir.wallet


async def settled(world: HubWorld, site: Site, owner: Keypair) -> None:
    """The ledger stands at an interval's end that is still to come."""
    await world.settle(User(0, str(owner.pubkey()), ""), site.device, 1000, ahead_s=30)
