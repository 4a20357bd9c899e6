"""Transactions that owners have to sign: with the wallets that the hub holds, or by themselves."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.transactions.delivery import Plan
from gridtokenx_hub.api.transactions.signing import Offer, read_transaction
from gridtokenx_hub.provisioning.acting import STEP, carry_out, evidence_for, plan_of
from gridtokenx_hub.provisioning.store import Code
from gridtokenx_hub.registrar import Evidence


async def carry_out_with_owners(
    context: ApiContext,
    code: Code,
    evidence: Evidence | None,
    check: Callable[[], Awaitable[None]] | None = None,
) -> str:
    """Have the code's transaction confirmed, signed by the owners too.

    Args:
        context: the hub's parts.
        code: what is to be done.
        evidence: the device's reading, where one has to prove it.
        check: called before a transaction is made; what it raises is raised.

    Raises:
        WalletMustSign: an owner elsewhere has to; the signed transaction goes to `owner_signed`.
        TransactionRefused, RegistrarRefused: the program's or the registrar's own refusal.
    """
    facts = {"evidence": base64.b64encode(evidence.message).decode() if evidence else None}
    offer = Offer.of(code.journal.get(STEP))
    if offer is not None and offer.facts != facts:
        await code.forget(STEP)  # that was another reading

    async def plan() -> Plan:
        if check is not None:
            await check()
        return _plan(context, code, evidence, facts)

    return await carry_out(context, code, plan)


async def owner_signed(context: ApiContext, code: Code, raw: bytes) -> str:
    """Send the transaction that was offered, once every owner elsewhere has signed it.

    Where two have to, each may sign the offer by itself, in any order.

    Raises:
        WalletMustSign: the other owner has to sign too.
        SignatureProblem: 409, it is another transaction than the one offered, or that has expired;
            422, no owner has signed it.
        TransactionRefused, RegistrarRefused: the program's or the registrar's own refusal.
    """
    if STEP not in code.journal:
        raise _nothing_to_sign()
    signed = replace(code, signed=read_transaction(raw))

    async def plan() -> Plan:
        offer = Offer.of(code.journal.get(STEP))
        if offer is None:  # it was sent, and never executed
            raise _nothing_to_sign()
        encoded = offer.facts["evidence"]
        evidence = evidence_for(code, base64.b64decode(encoded)) if encoded else None
        return _plan(context, code, evidence, offer.facts)

    return await carry_out(context, signed, plan)


def _nothing_to_sign() -> Problem:
    return Problem(409, "NothingToSign", "ask for what is to be signed first")


def _plan(
    context: ApiContext, code: Code, evidence: Evidence | None, facts: dict[str, Any]
) -> Plan:
    plan = plan_of(context, code.mandate, evidence, tuple(code.mandate.consenting))
    return replace(plan, facts=facts)
