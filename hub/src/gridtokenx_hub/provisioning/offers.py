"""Transactions that owners have to sign: with the wallets that the hub holds, or by themselves."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from solders.message import Message, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import Transaction as SignedTransaction

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.delivery import Plan, deliver_prepared
from gridtokenx_hub.api.problems import Problem
from gridtokenx_hub.chain import Draft, PreparedTransaction
from gridtokenx_hub.provisioning.acting import STEP, carry_out, done_once, plan_of
from gridtokenx_hub.provisioning.models import OwnerMustSign
from gridtokenx_hub.provisioning.store import Code
from gridtokenx_hub.registrar import Evidence

OFFER = "offer"


class _OwnerAbsent(Exception):
    """The hub does not hold the wallet of everybody who has to sign."""


async def carry_out_with_owners(
    context: ApiContext,
    code: Code,
    evidence: Evidence | None,
    check: Callable[[], Awaitable[None]] | None = None,
) -> str | OwnerMustSign:
    """Have the code's transaction confirmed; or answer what owners elsewhere have to sign.

    Args:
        context: the hub's parts.
        code: what is to be done.
        evidence: the device's reading, where one has to prove it.
        check: called before a transaction is made; what it raises is raised.

    Raises:
        TransactionRefused, RegistrarRefused: the program's or the registrar's own refusal.
    """

    async def plan() -> Plan:
        if check is not None:
            await check()
        if await _absent(context, code):
            raise _OwnerAbsent
        owners = [await context.vault.keypair(wallet) for wallet in code.mandate.consenting]
        return plan_of(context, code.mandate, evidence, tuple(owners))

    try:
        return await carry_out(context, code, plan)
    except _OwnerAbsent:
        return await _offer(context, code, evidence)


async def owner_signed(context: ApiContext, code: Code, raw: bytes) -> str | OwnerMustSign:
    """Send the transaction that was offered, once every owner elsewhere has signed it.

    Where two have to, each may sign the offer by itself, in any order.

    Returns:
        The transaction's signature; or what the other owner has to sign.

    Raises:
        Problem: 409, it is another transaction than the one offered, or that has expired;
            422, no owner has signed it.
        TransactionRefused, RegistrarRefused: the program's or the registrar's own refusal.
    """
    offer = code.journal.get(OFFER)
    if offer is None:
        raise Problem(409, "NothingToSign", "ask for what is to be signed first")
    message = _message(offer)
    draft = Draft(message, offer["last_valid_block_height"])
    transaction = _read(raw)
    if bytes(transaction.message) != bytes(message):
        raise Problem(
            409,
            "TransactionNotOffered",
            "this is not the transaction that was offered last: sign that one, unaltered",
        )
    absent = await _absent(context, code)
    found = _signatures(absent, message, transaction)
    signatures = {**_known_signatures(offer), **found}
    missing = [wallet for wallet in absent if wallet not in signatures]
    if missing and not found:
        raise Problem(422, "BadSignature", f"wallet {missing[0]} has not signed the transaction")
    if missing:
        offer["signatures"] = {str(wallet): str(made) for wallet, made in signatures.items()}
        await code.record(OFFER, offer)
        return _to_sign(offer, missing[0])

    async def prepare() -> PreparedTransaction:
        if await context.client.block_height() > draft.last_valid_block_height:
            raise Problem(
                409, "OfferExpired", "the transaction has expired: ask for another to sign"
            )
        owners = [wallet for wallet in code.mandate.consenting if wallet not in absent]
        keypairs = [await context.vault.keypair(wallet) for wallet in owners]
        evidence = offer["evidence"] and base64.b64decode(offer["evidence"])
        registrar = await context.registrar.sign(code.mandate.code_id, message, evidence)
        return context.sender.sign(draft, keypairs, {**signatures, **registrar})

    return await done_once(
        context, code, lambda: deliver_prepared(context, code, STEP, prepare, {})
    )


async def _absent(context: ApiContext, code: Code) -> list[Pubkey]:
    """Return the wallets that have to sign and that the hub does not hold."""
    return [w for w in code.mandate.consenting if not await context.vault.holds(w)]


async def _offer(context: ApiContext, code: Code, evidence: Evidence | None) -> OwnerMustSign:
    """Return the transaction to sign: the last one while it is good, or else a new one."""
    offer = code.journal.get(OFFER)
    encoded = base64.b64encode(evidence.message).decode() if evidence else None
    if (
        offer is None
        or offer["evidence"] != encoded
        or await context.client.block_height() > offer["last_valid_block_height"]
    ):
        made = plan_of(context, code.mandate, evidence, ())
        draft = await context.sender.draft(made.instructions, compute_units=made.compute_units)
        offer = {
            "message": base64.b64encode(to_bytes_versioned(draft.message)).decode(),
            "last_valid_block_height": draft.last_valid_block_height,
            "evidence": encoded,
            "signatures": {},
        }
        await code.record(OFFER, offer)
    known = _known_signatures(offer)
    missing = [wallet for wallet in await _absent(context, code) if wallet not in known]
    return _to_sign(offer, missing[0])


def _to_sign(offer: Mapping[str, Any], wallet: Pubkey) -> OwnerMustSign:
    message = _message(offer)
    known = _known_signatures(offer)
    places = message.account_keys[: message.header.num_required_signatures]
    transaction = SignedTransaction.populate(
        message, [known.get(place, Signature.default()) for place in places]
    )
    return OwnerMustSign(
        owner_wallet=str(wallet),
        transaction=base64.b64encode(bytes(transaction)).decode(),
        last_valid_block_height=offer["last_valid_block_height"],
    )


def _message(offer: Mapping[str, Any]) -> Message:
    return Message.from_bytes(base64.b64decode(offer["message"]))


def _known_signatures(offer: Mapping[str, Any]) -> dict[Pubkey, Signature]:
    return {
        Pubkey.from_string(wallet): Signature.from_string(made)
        for wallet, made in offer["signatures"].items()
    }


def _signatures(
    wallets: Sequence[Pubkey], message: Message, transaction: SignedTransaction
) -> dict[Pubkey, Signature]:
    """Return the valid signatures of these wallets."""
    places = dict(zip(message.account_keys, transaction.signatures, strict=False))
    signed = bytes(message)
    return {
        wallet: places[wallet]
        for wallet in wallets
        if wallet in places and places[wallet].verify(wallet, signed)
    }


def _read(raw: bytes) -> SignedTransaction:
    try:
        return SignedTransaction.from_bytes(raw)
    except ValueError:
        raise Problem(422, "Malformed", "the transaction cannot be read") from None
