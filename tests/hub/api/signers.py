"""Households with wallets of their own: what they do with a transaction that they are to sign."""

import base64
from dataclasses import dataclass
from typing import Any

import httpx
from hub_world import HubWorld, User, expect
from solders.keypair import Keypair
from solders.transaction import Transaction


def transaction_of(offer: dict[str, Any]) -> Transaction:
    """What is to be signed."""
    return Transaction.from_bytes(base64.b64decode(offer["transaction"]))


def encoded(transaction: Transaction) -> str:
    return base64.b64encode(bytes(transaction)).decode()


def signed_by(wallet: Keypair, offer: dict[str, Any], by: Keypair | None = None) -> str:
    """The offered transaction with a signature in the wallet's place, or with another's there."""
    transaction = transaction_of(offer)
    message = transaction.message
    signatures = list(transaction.signatures)
    place = list(message.account_keys).index(wallet.pubkey())
    signatures[place] = (by or wallet).sign_message(bytes(message))
    return encoded(Transaction.populate(message, signatures))


@dataclass(frozen=True)
class Owner:
    """A household that signs by itself."""

    world: HubWorld
    keypair: Keypair
    user: User

    @property
    def wallet(self) -> str:
        return self.user.wallet

    async def ask(self, path: str, body: object, key: str | None = None) -> dict[str, Any]:
        """What is to be signed."""
        return expect(await self.world.post(path, body, self.user.token, key), 202)

    async def back(
        self, path: str, body: object, transaction: str, key: str | None = None
    ) -> httpx.Response:
        """Send a signed transaction."""
        return await self.world.post(path, body, self.user.token, key, transaction)

    async def do(self, path: str, body: object, key: str | None = None) -> httpx.Response:
        """Ask, sign, and send back."""
        offer = await self.ask(path, body, key)
        return await self.back(path, body, signed_by(self.keypair, offer), key)


async def register(
    world: HubWorld, name: str, user_type: str = "prosumer", key: str | None = None
) -> Owner:
    """A household whose own wallet an operator registers."""
    keypair = Keypair()
    body = {"name": name, "user_type": user_type, "wallet": str(keypair.pubkey())}
    offer = expect(await world.post("/api/users", body, world.operator, key), 202)
    signed = signed_by(keypair, offer)
    answer = expect(await world.post("/api/users", body, world.operator, key, signed), 201)
    return Owner(world, keypair, User(answer["user_id"], answer["wallet"], answer["token"]))
