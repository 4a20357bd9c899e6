"""Transactions that wait for wallets whose keys are elsewhere.

The hub makes the transaction, writes it down, and answers 202 with it; the wallet's owner signs it
and sends it back. The hub then adds its own signatures to what it wrote down, never to what came
back: of that it takes the owner's signature alone.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from solders.message import Message, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import Transaction as SignedTransaction

from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.models import OwnerMustSign
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.chain import Draft

OFFERS: dict[int | str, dict[str, Any]] = {
    202: {"model": OwnerMustSign, "description": "the wallet's owner has to sign"}
}
"""The OpenAPI entry of a route that does something in a user's name."""


class SignatureProblem(Problem):
    """What came back is not the signed transaction; the request goes on waiting for it."""


class WalletMustSign(Exception):
    """The answer of a request that waits for a signature; its transaction is written down."""

    def __init__(self, offer: "Offer", wallet: Pubkey) -> None:
        super().__init__(f"wallet {wallet} has to sign")
        self.offer_id = offer_id(offer.message)
        self.to_sign = offer.shown_to(wallet)


@dataclass(frozen=True, slots=True)
class Offer:
    """A transaction that waits: the facts of its plan, and which owners have signed it so far."""

    message: Message
    last_valid_block_height: int
    facts: dict[str, Any]
    signatures: dict[Pubkey, Signature]

    @classmethod
    def of_draft(cls, draft: Draft, facts: dict[str, Any]) -> "Offer":
        """Return the offer of a transaction without lookup tables, which nobody has signed."""
        message = Message.from_bytes(to_bytes_versioned(draft.message))
        return cls(message, draft.last_valid_block_height, facts, {})

    @classmethod
    def of(cls, entry: Mapping[str, Any] | None) -> "Offer | None":
        """Return the offer in a step of a journal, None when the step is something else."""
        if entry is None or "message" not in entry:
            return None
        return cls(
            Message.from_bytes(base64.b64decode(entry["message"])),
            entry["last_valid_block_height"],
            entry["facts"],
            {
                Pubkey.from_string(wallet): Signature.from_string(made)
                for wallet, made in entry["signatures"].items()
            },
        )

    def entry(self) -> dict[str, Any]:
        """Return it as a step of a journal."""
        return {
            "message": base64.b64encode(to_bytes_versioned(self.message)).decode(),
            "last_valid_block_height": self.last_valid_block_height,
            "facts": self.facts,
            "signatures": {str(wallet): str(made) for wallet, made in self.signatures.items()},
        }

    @property
    def draft(self) -> Draft:
        """The transaction without signatures."""
        return Draft(self.message, self.last_valid_block_height)

    def shown_to(self, wallet: Pubkey) -> OwnerMustSign:
        """Return what the owner of this wallet gets."""
        places = self.message.account_keys[: self.message.header.num_required_signatures]
        transaction = SignedTransaction.populate(
            self.message, [self.signatures.get(place, Signature.default()) for place in places]
        )
        return OwnerMustSign(
            owner_wallet=str(wallet),
            transaction=base64.b64encode(bytes(transaction)).decode(),
            last_valid_block_height=self.last_valid_block_height,
        )

    def missing(self, wallets: Sequence[Pubkey]) -> list[Pubkey]:
        """Return those of these wallets that have not signed."""
        return [wallet for wallet in wallets if wallet not in self.signatures]

    def signed_by(self, wallets: Sequence[Pubkey], returned: SignedTransaction) -> "Offer":
        """Return the offer with the signatures that these wallets have put into what came back.

        Raises:
            SignatureProblem: 409, another transaction came back; 422, none of them signed it.
        """
        signed = bytes(self.message)
        if bytes(returned.message) != signed:
            raise not_offered()
        places = dict(zip(self.message.account_keys, returned.signatures, strict=False))
        found = {
            wallet: places[wallet]
            for wallet in wallets
            if wallet in places and places[wallet].verify(wallet, signed)
        }
        if not found:
            raise SignatureProblem(
                422, "BadSignature", f"wallet {wallets[0]} has not signed the transaction"
            )
        return replace(self, signatures=self.signatures | found)


def offer_id(message: Message) -> str:
    """Return what names an offer: SHA-256 of its message, in hex."""
    return hashlib.sha256(bytes(message)).hexdigest()


def not_offered() -> SignatureProblem:
    """Return 409: these are not the bytes that the hub made."""
    return SignatureProblem(
        409,
        "TransactionNotOffered",
        "this is not the transaction that was offered last: sign that one, unaltered, and send it"
        " back with the same request",
    )


def expired() -> SignatureProblem:
    """Return 409: it was signed too late."""
    return SignatureProblem(
        409,
        "OfferExpired",
        "the transaction has expired, nothing happened: send the request without a signed"
        " transaction, and get another to sign",
    )


def read_transaction(raw: bytes) -> SignedTransaction:
    """Read a transaction that came back.

    Raises:
        SignatureProblem: 422, it is none.
    """
    try:
        return SignedTransaction.from_bytes(raw)
    except ValueError:
        raise SignatureProblem(422, "Malformed", "the transaction cannot be read") from None


async def answer_offer(_request: Request, waiting: Exception) -> ExactJSONResponse:
    """Answer a `WalletMustSign` with 202 (a Starlette handler)."""
    if not isinstance(waiting, WalletMustSign):
        raise waiting
    return ExactJSONResponse(waiting.to_sign.content(), 202)
