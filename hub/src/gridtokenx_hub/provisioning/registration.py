"""A claimed device is registered: with the owner's wallet that the hub holds, or by the owner."""

import base64
import hashlib
from typing import Any

from solders.message import Message, to_bytes_versioned
from solders.transaction import Transaction as SignedTransaction

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.delivery import Plan, deliver_prepared
from gridtokenx_hub.api.problems import Problem
from gridtokenx_hub.chain import Draft, PreparedTransaction
from gridtokenx_hub.provisioning.acting import (
    STEP,
    carry_out,
    done_once,
    evidence_for,
    plan_of,
)
from gridtokenx_hub.provisioning.baseline import check_baseline, check_recent
from gridtokenx_hub.provisioning.certificates import issue_certificate
from gridtokenx_hub.provisioning.models import OwnerMustSign, Registered
from gridtokenx_hub.provisioning.store import Code
from gridtokenx_hub.registrar import Evidence

OFFER = "offer"
CERTIFICATE = "certificate"


class _OwnerAbsent(Exception):
    """The hub does not hold the owner's wallet."""


async def register(
    context: ApiContext, code: Code, message: bytes, csr_pem: str | None
) -> Registered | OwnerMustSign:
    """Register the meter of a claimed install code by its baseline, and issue its certificate.

    Repeated, it answers the same and sends nothing more. When the hub does not hold the owner's
    wallet, the answer is what the owner has to sign.

    Raises:
        ProtocolError: the device did not sign the baseline.
        CertificateRequestError: the request must not be signed; nothing was registered.
        Problem: 422, it is no baseline.
        TransactionRefused, RegistrarRefused: the program's or the registrar's own refusal.
    """
    evidence = evidence_for(code, message)
    check_baseline(evidence.record)
    await _certify(context, code, csr_pem, evidence.record.meter_id)

    async def plan() -> Plan:
        check_recent(context, evidence.record)
        if not await context.vault.holds(code.mandate.owner):
            raise _OwnerAbsent
        owner = await context.vault.keypair(code.mandate.owner)
        return plan_of(context, code.mandate, evidence, (owner,))

    try:
        tx_signature = await carry_out(context, code, plan)
    except _OwnerAbsent:
        return await _offer(context, code, evidence)
    return _registered(context, code, tx_signature)


async def owner_signed(context: ApiContext, code: Code, raw: bytes) -> Registered:
    """Register with the transaction that was offered, once the owner has signed it.

    Raises:
        Problem: 409, it is another transaction than the one offered, or that has expired;
            422, the owner has not signed it.
        TransactionRefused, RegistrarRefused: the program's or the registrar's own refusal.
    """
    offer = code.journal.get(OFFER)
    if offer is None:
        raise Problem(409, "NothingToSign", "ask for the registration first")
    draft = _draft(offer)
    transaction = _read(raw)
    if bytes(transaction.message) != to_bytes_versioned(draft.message):
        raise Problem(
            409,
            "TransactionNotOffered",
            "this is not the transaction that was offered last: sign that one, unaltered",
        )

    async def prepare() -> PreparedTransaction:
        if await context.client.block_height() > draft.last_valid_block_height:
            raise Problem(
                409, "OfferExpired", "the transaction has expired: ask for the registration again"
            )
        owner = code.mandate.owner
        signatures = dict(zip(draft.message.account_keys, transaction.signatures, strict=False))
        signature = signatures.get(owner)
        if signature is None or not signature.verify(owner, to_bytes_versioned(draft.message)):
            raise Problem(422, "BadSignature", f"wallet {owner} has not signed the transaction")
        registrar = await context.registrar.sign(
            code.mandate.code_id, draft.message, base64.b64decode(offer["evidence"])
        )
        return context.sender.sign(draft, (), {owner: signature, **registrar})

    tx_signature = await done_once(
        context, code, lambda: deliver_prepared(context, code, STEP, prepare, {})
    )
    return _registered(context, code, tx_signature)


async def _offer(context: ApiContext, code: Code, evidence: Evidence) -> OwnerMustSign:
    """Return the transaction for the owner: the last one while it is good, or else a new one."""
    offer = code.journal.get(OFFER)
    encoded = base64.b64encode(evidence.message).decode()
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
        }
        await code.record(OFFER, offer)
    unsigned = SignedTransaction.new_unsigned(_message(offer))
    return OwnerMustSign(
        owner_wallet=str(code.mandate.owner),
        transaction=base64.b64encode(bytes(unsigned)).decode(),
        last_valid_block_height=offer["last_valid_block_height"],
    )


def _message(offer: dict[str, Any]) -> Message:
    return Message.from_bytes(base64.b64decode(offer["message"]))


def _draft(offer: dict[str, Any]) -> Draft:
    return Draft(_message(offer), offer["last_valid_block_height"])


def _read(raw: bytes) -> SignedTransaction:
    try:
        return SignedTransaction.from_bytes(raw)
    except ValueError:
        raise Problem(422, "Malformed", "the transaction cannot be read") from None


async def _certify(context: ApiContext, code: Code, csr_pem: str | None, meter_id: bytes) -> None:
    """Have the certificate issued once for each request."""
    if csr_pem is None:
        return
    digest = hashlib.sha256(csr_pem.encode("utf-8", "surrogatepass")).hexdigest()
    if code.journal.get(CERTIFICATE, {}).get("request") != digest:
        pem = await issue_certificate(context, csr_pem, meter_id)
        await code.record(CERTIFICATE, {"request": digest, "pem": pem})


def _registered(context: ApiContext, code: Code, tx_signature: str) -> Registered:
    pem = code.journal.get(CERTIFICATE, {}).get("pem")
    ca_pem = context.authority.certificate_pem if pem and context.authority else None
    return Registered(tx_signature=tx_signature, certificate_pem=pem, ca_pem=ca_pem)
