"""An owner whose wallet the hub does not hold signs the registration; the hub adds the rest."""

import base64
from typing import Any

import pytest
from hub_world import HubWorld, User, expect, expect_problem
from installer import Site, history, install_code, request_for
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.transaction import Transaction

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def own_wallet(world: HubWorld) -> tuple[Keypair, User]:
    """A household that registered its own wallet on chain."""
    wallet = Keypair()
    addresses = world.context.addresses
    confirmation = await world.context.sender.send(
        lambda payer: [
            world.context.programs["registry"].instruction(
                "register_user",
                {"user_type": "Prosumer"},
                {
                    "config": addresses.registry_config(),
                    "wallet": wallet.pubkey(),
                    "user": addresses.user(wallet.pubkey()),
                    "payer": payer,
                },
            )
        ],
        (wallet,),
    )
    assert await world.context.indexer.wait_for(confirmation.signature, 10)
    user_id = await world.pool.fetchval(
        "SELECT id FROM users WHERE wallet = $1", str(wallet.pubkey())
    )
    return wallet, User(user_id, str(wallet.pubkey()), "")


class Offered:
    """A site whose registration waits for the owner."""

    def __init__(self, site: Site, wallet: Keypair, body: dict[str, Any]) -> None:
        self.site = site
        self.wallet = wallet
        self.body = body

    async def offer(self) -> dict[str, Any]:
        return expect(await self.site.post("registration", **self.body), 202)

    def signed(self, offer: dict[str, Any], by: Keypair | None = None) -> str:
        transaction = Transaction.from_bytes(base64.b64decode(offer["transaction"]))
        message = transaction.message
        index = list(message.account_keys).index(self.wallet.pubkey())
        signatures = list(transaction.signatures)
        signatures[index] = (by or self.wallet).sign_message(bytes(message))
        return encoded(Transaction.populate(message, signatures))


def encoded(transaction: Transaction) -> str:
    return base64.b64encode(bytes(transaction)).decode()


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
    unsigned = Transaction.from_bytes(base64.b64decode(offer["transaction"]))
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
    message = Transaction.from_bytes(base64.b64decode(offer["transaction"])).message
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
        " '{offer,last_valid_block_height}', '0') WHERE meter_id = $1",
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
