"""What a code is for is done once: sent, followed to its end, and remembered with the code."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.transactions.delivery import Plan, deliver
from gridtokenx_hub.chain import TransactionRefused
from gridtokenx_hub.provisioning.store import Code, code_by_id, present_code
from gridtokenx_hub.registrar import (
    COMPUTE_UNITS,
    Evidence,
    Mandate,
    Purpose,
    open_evidence,
)

STEP = "transaction"


@contextlib.asynccontextmanager
async def acting(
    context: ApiContext, caller: str, text: str, meter_id: bytes, *purposes: Purpose
) -> AsyncIterator[Code]:
    """Yield the claimed code of a meter for one of these purposes; nobody else acts on it then.

    Raises:
        Problem: 404, 410 and 429 of the code; 409, it is for another meter or purpose, done,
            not claimed yet, or acted on in another request.
    """
    found = await present_code(context, caller, text)
    check_meter(found, meter_id)
    check_purpose(found, *purposes)
    if found.done_at is not None:
        raise Problem(409, "CodeUsed", "the code is used: ask the operator for another")
    if found.mandate.key is None:
        raise Problem(409, "CodeNotClaimed", "claim the code with the device's key first")
    row = ("code", found.mandate.code_id)
    if row in context.under_way:
        raise Problem(
            409,
            "RequestInProgress",
            "another request with this code is under way: try again for its answer",
            {"Retry-After": "1"},
        )
    context.under_way.add(row)
    try:
        yield await code_by_id(context, found.mandate.code_id)
    finally:
        context.under_way.discard(row)


def check_purpose(code: Code, *purposes: Purpose) -> None:
    """Check what a code is for.

    Raises:
        Problem: 409, for something else.
    """
    if code.mandate.purpose not in purposes:
        raise Problem(409, "WrongPurpose", f"the code is for {code.mandate.purpose}")


def check_meter(code: Code, meter_id: bytes) -> None:
    """Check that a code is for this meter.

    Raises:
        Problem: 409, it is for another, or for none yet.
    """
    if code.mandate.meter_id != meter_id:
        raise Problem(409, "CodeForAnotherMeter", f"the code is not for meter {meter_id.hex()}")


def evidence_for(code: Code, message: bytes) -> Evidence:
    """Open a reading that the device which claimed the code must have signed.

    Raises:
        ProtocolError: it did not, or the message is no single reading.
        Problem: 409, the reading is of another meter; not claimed yet.
    """
    if code.mandate.key is None:
        raise Problem(409, "CodeNotClaimed", "claim the code with the device's key first")
    evidence = open_evidence(message, code.mandate.key)
    check_meter(code, evidence.record.meter_id)
    return evidence


def plan_of(
    context: ApiContext, mandate: Mandate, evidence: Evidence | None, wallets: tuple[Pubkey, ...]
) -> Plan:
    """Return the transaction that a mandate comes to; the registrar signs it too."""
    registrar = context.registrar
    message = evidence.message if evidence else None

    def instructions(payer: Pubkey) -> list[Instruction]:
        return registrar.transactions.instructions(mandate, evidence, payer)

    return Plan(
        instructions,
        wallets,
        COMPUTE_UNITS[mandate.purpose],
        cosign=lambda draft: registrar.sign(mandate.code_id, draft, message),
    )


async def carry_out(context: ApiContext, code: Code, plan: Callable[[], Awaitable[Plan]]) -> str:
    """Have the code's transaction confirmed, if it is not; return its signature.

    Raises:
        WalletMustSign: an owner whose wallet the hub does not hold has to.
        TransactionRefused: the program's own refusal; the code can be used again.
        TransactionExpired, ChainUnavailable: another try goes on from here.
    """
    if code.tx_signature is not None:
        return code.tx_signature
    try:
        delivered = await deliver(context, code, STEP, plan)
    except TransactionRefused:
        await code.forget(STEP)
        raise
    await context.pool.execute(
        "UPDATE provisioning_codes SET tx_signature = $2 WHERE id = $1",
        code.mandate.code_id,
        delivered.tx_signature,
    )
    return delivered.tx_signature
