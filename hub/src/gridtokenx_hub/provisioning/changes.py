"""What happens to a registered meter: a new key, a new meter in its place, a new owner, its end."""

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.transactions.delivery import Plan
from gridtokenx_hub.provisioning.acting import carry_out, evidence_for, plan_of
from gridtokenx_hub.provisioning.issuing import meter_with_owner
from gridtokenx_hub.provisioning.models import Changed
from gridtokenx_hub.provisioning.offers import carry_out_with_owners
from gridtokenx_hub.provisioning.requests import check_request, open_request
from gridtokenx_hub.provisioning.revocation import shut_out
from gridtokenx_hub.provisioning.settled import check_settled
from gridtokenx_hub.provisioning.store import Code
from gridtokenx_protocol.cose import verify
from gridtokenx_protocol.keys import Algorithm


async def rotate_key(context: ApiContext, code: Code, message: bytes, handover: bytes) -> Changed:
    """Put the key in force that claimed the code, by a reading that it signed.

    Raises:
        ProtocolError, Problem: the reading is not this key's, or of another meter; the key in
            force has not handed over to this one.
        TransactionRefused: the program's own refusal, such as a sequence that is not higher.
    """
    evidence = evidence_for(code, message)
    await _check_handover(context, code, handover)
    return Changed(tx_signature=await carry_out_with_owners(context, code, evidence))


async def _check_handover(context: ApiContext, code: Code, handover: bytes) -> None:
    """Check that the key in force names the next one."""
    if code.tx_signature is not None or code.mandate.key is None or code.mandate.meter_id is None:
        return
    meter = await meter_with_owner(context, code.mandate.meter_id)
    if meter["public_key"] == code.mandate.key.public_key:
        return  # the chain has it; the answer was lost
    request = open_request(handover, bytes)
    verify(request.signed, Algorithm(meter["algorithm"]), meter["public_key"])
    if request.meter_id != code.mandate.meter_id or request.content != code.mandate.key.public_key:
        raise Problem(
            409, "CodeForAnotherMeter", "the key in force hands over to another key or meter"
        )
    check_request(context, request)


async def replace_meter(context: ApiContext, code: Code, message: bytes) -> Changed:
    """Let the ledger go on from the first reading of the meter's new registers.

    Raises:
        ProtocolError, Problem: the reading is not this key's, or of another meter; 409, something
            of the old registers has not come or is not settled: the chain takes it no more then.
        TransactionRefused: the program's own refusal, such as a reading without the flag for it.
    """
    evidence = evidence_for(code, message)

    async def plan() -> Plan:
        record = evidence.record
        await check_settled(context, record.meter_id, before=record.sequence)
        return plan_of(context, code.mandate, evidence, ())

    return Changed(tx_signature=await carry_out(context, code, plan))


async def transfer(context: ApiContext, code: Code) -> Changed:
    """Give the meter to the new owner; both have to sign.

    Raises:
        Problem: 409, something that the hub has is not settled.
        TransactionRefused: the program's own refusal: `NotSettled` while something is unsettled.
    """

    async def check() -> None:
        # The chain's clock may be behind a boundary that the meter has signed for already.
        await check_settled(context, code.mandate.meter_id or b"")

    return Changed(tx_signature=await carry_out_with_owners(context, code, None, check))


async def decommission(context: ApiContext, code: Code) -> Changed:
    """Revoke a meter at the end of its service, once all that it signed for is settled.

    Raises:
        Problem: 409, something is not settled; 503, the chain has revoked it, but the broker does
            not follow yet.
        TransactionRefused: the program's own refusal.
    """

    async def plan() -> Plan:
        await check_settled(context, code.mandate.meter_id or b"")
        return plan_of(context, code.mandate, None, ())

    tx_signature = await carry_out(context, code, plan)
    await shut_out(context)
    return Changed(tx_signature=tx_signature)
