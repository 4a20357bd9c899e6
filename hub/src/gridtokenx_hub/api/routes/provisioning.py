"""Codes, claims and all that an installer does with them; renewal; revocation."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.security import APIKeyHeader, HTTPBearer

from gridtokenx_hub.api.exact_json import ExactJSONResponse
from gridtokenx_hub.api.fields import Identifier
from gridtokenx_hub.api.idempotency import once
from gridtokenx_hub.api.models import Out
from gridtokenx_hub.api.problems import Problem, documented
from gridtokenx_hub.api.routing import (
    AuthenticatedRoute,
    Caller,
    Context,
    Operator,
    PublicRoute,
    caller_address,
)
from gridtokenx_hub.provisioning import changes, handover, offers, registration
from gridtokenx_hub.provisioning.acting import acting
from gridtokenx_hub.provisioning.certificates import renew_certificate
from gridtokenx_hub.provisioning.claims import claim
from gridtokenx_hub.provisioning.issuing import issue_code, listed
from gridtokenx_hub.provisioning.models import (
    Changed,
    Claim,
    ClaimMeter,
    ClaimStatus,
    CodeList,
    Handover,
    IssueCode,
    IssuedCode,
    OwnerMustSign,
    OwnerSigned,
    PresentCode,
    ProveByReading,
    Register,
    Registered,
    RenewCertificate,
    RenewedCertificate,
    RevokedMeter,
    RevokeMeter,
    RotateKey,
)
from gridtokenx_hub.provisioning.revocation import revoke_meter
from gridtokenx_hub.provisioning.store import list_codes, withdraw_code
from gridtokenx_hub.registrar import Purpose

ACTED = documented(400, 404, 409, 410, 413, 422, 429, 503)
OFFERED: dict[int | str, dict[str, Any]] = {202: {"model": OwnerMustSign}, **ACTED}
SIGNED_BY_OWNERS: tuple[Purpose, ...] = ("install", "rotate_key", "transfer")

private = APIRouter(
    prefix="/api",
    tags=["provisioning"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)
by_code = APIRouter(prefix="/api/provisioning", tags=["provisioning"], route_class=PublicRoute)
"""No token: the code, or the device's signature, is the credential."""


def _meter_id(meter_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]) -> bytes:
    return bytes.fromhex(meter_id)


CODE_HEADER = APIKeyHeader(
    name="Authorization",
    scheme_name="ProvisioningCode",
    description="Code K7QF-9M2X-4TDA-W3HN",
    auto_error=False,
)
MeterId = Annotated[bytes, Depends(_meter_id)]
CallerAddress = Annotated[str, Depends(caller_address)]


def _answer(content: Out, status: int = 201) -> Response:
    return ExactJSONResponse(content.content(), status)


def _stepped(content: Out) -> Response:
    return _answer(content, 202 if isinstance(content, OwnerMustSign) else 201)


@private.post(
    "/provisioning/codes",
    status_code=201,
    response_model=IssuedCode,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
async def issue(context: Context, caller: Operator, body: IssueCode) -> Response:
    """Issue a one-time code; it is shown this once. Needs an operator's token."""
    return _answer(await issue_code(context, caller, body))


@private.get(
    "/provisioning/codes",
    response_model=CodeList,
    responses=documented(401, 403, 503),
)
async def codes(context: Context, _caller: Operator) -> Response:
    """All codes and where each stands. Needs an operator's token."""
    now = context.clock()
    found = [listed(code, now) for code in await list_codes(context)]
    return _answer(CodeList(codes=found), 200)


@private.delete(
    "/provisioning/codes/{code_id}",
    status_code=204,
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def withdraw(context: Context, _caller: Operator, code_id: Identifier) -> Response:
    """Withdraw a code that is not carried out. Needs an operator's token."""
    await withdraw_code(context, code_id)
    return Response(status_code=204)


@private.post(
    "/meters/{meter_id}/revocation",
    status_code=201,
    response_model=RevokedMeter,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
async def revoke(
    request: Request, context: Context, caller: Caller, meter_id: MeterId, body: RevokeMeter
) -> Response:
    """Revoke a meter for ever: stolen or decommissioned. For an operator or its owner.

    Chain, hub and broker refuse it from then on, and its live session ends. Repeating it answers
    the same.
    """
    answer = await once(
        context,
        request,
        caller,
        201,
        lambda attempt: revoke_meter(context, attempt, caller, meter_id, body.reason),
    )
    return answer.response()


@by_code.post("/claims", status_code=201, response_model=Claim, responses=ACTED)
async def claim_code(context: Context, address: CallerAddress, body: ClaimMeter) -> Response:
    """Claim a code with the device's key; the same key gets the same answer again."""
    return _answer(await claim(context, address, body))


@by_code.post(
    "/claims/{meter_id}/registration",
    status_code=201,
    response_model=Registered,
    responses=OFFERED,
)
async def register(
    context: Context, address: CallerAddress, meter_id: MeterId, body: Register
) -> Response:
    """Register the claimed meter by the baseline that its device signed.

    202 when the hub does not hold the owner's wallet: the owner signs the transaction, which goes
    to `owner-signature`.
    """
    async with acting(context, address, body.code, meter_id, "install") as code:
        return _stepped(await registration.register(context, code, body.baseline, body.csr_pem))


@by_code.post(
    "/claims/{meter_id}/owner-signature",
    status_code=201,
    response_model=Registered | Changed,
    responses=OFFERED,
)
async def owner_signature(
    context: Context, address: CallerAddress, meter_id: MeterId, body: OwnerSigned
) -> Response:
    """Do what the code is for, with the transaction that was answered and an owner has signed.

    The answer is that of the step; 202 when the other owner has to sign too.
    """
    async with acting(context, address, body.code, meter_id, *SIGNED_BY_OWNERS) as code:
        done = await offers.owner_signed(context, code, body.transaction)
        if isinstance(done, str) and code.mandate.purpose == "install":
            return _answer(registration.registered(context, code, done))
        return _stepped(changes.changed(done))


@by_code.get(
    "/claims/{meter_id}",
    response_model=ClaimStatus,
    responses=documented(401, 404, 409, 410, 422, 429, 503),
)
async def status(
    context: Context,
    address: CallerAddress,
    meter_id: MeterId,
    authorization: Annotated[str | None, Depends(CODE_HEADER)],
) -> Response:
    """How far a claim is, with the last reading of its meter (`Authorization: Code K7QF-…`)."""
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "code" or not text:
        raise Problem(
            401,
            "Unauthenticated",
            "send your code as 'Authorization: Code …'",
            {"WWW-Authenticate": "Code"},
        )
    return _answer(await handover.status(context, address, text, meter_id), 200)


@by_code.post("/claims/{meter_id}/done", response_model=Handover, responses=ACTED)
async def done(
    context: Context, address: CallerAddress, meter_id: MeterId, body: PresentCode
) -> Response:
    """Close a code whose work is done; the answer is for the commissioning sheet."""
    return _answer(await handover.hand_over(context, address, body.code, meter_id), 200)


@by_code.post(
    "/claims/{meter_id}/rotation", status_code=201, response_model=Changed, responses=OFFERED
)
async def rotate(
    context: Context, address: CallerAddress, meter_id: MeterId, body: RotateKey
) -> Response:
    """Put the key in force that claimed the code, by a reading that it signed.

    The key before hands over by its own signature. 202 when the hub does not hold the owner's
    wallet, as for a registration.
    """
    async with acting(context, address, body.code, meter_id, "rotate_key") as code:
        return _stepped(await changes.rotate_key(context, code, body.reading, body.handover))


@by_code.post(
    "/claims/{meter_id}/replacement", status_code=201, response_model=Changed, responses=ACTED
)
async def replace(
    context: Context, address: CallerAddress, meter_id: MeterId, body: ProveByReading
) -> Response:
    """Go on from the registers of a new meter, by its first reading with the flag for it.

    409 `NotSettled` or `ReadingsMissing` while something of the old registers is under way.
    """
    async with acting(context, address, body.code, meter_id, "replace_meter") as code:
        return _answer(await changes.replace_meter(context, code, body.reading))


@by_code.post(
    "/claims/{meter_id}/transfer", status_code=201, response_model=Changed, responses=OFFERED
)
async def transfer(
    context: Context, address: CallerAddress, meter_id: MeterId, body: PresentCode
) -> Response:
    """Give the meter to its new owner, once everything is settled.

    202 when the hub does not hold the wallet of both owners: each signs the transaction.
    """
    async with acting(context, address, body.code, meter_id, "transfer") as code:
        return _stepped(await changes.transfer(context, code))


@by_code.post(
    "/claims/{meter_id}/decommissioning", status_code=201, response_model=Changed, responses=ACTED
)
async def decommission(
    context: Context, address: CallerAddress, meter_id: MeterId, body: PresentCode
) -> Response:
    """Revoke the meter for ever at the end of its service, once everything is settled."""
    async with acting(context, address, body.code, meter_id, "revoke") as code:
        return _answer(await changes.decommission(context, code))


@by_code.post(
    "/certificates",
    status_code=201,
    response_model=RenewedCertificate,
    responses=documented(400, 404, 409, 413, 422, 503),
)
async def renew(context: Context, body: RenewCertificate) -> Response:
    """Issue a new client certificate to a meter that asks by its own signature."""
    return _answer(await renew_certificate(context, body.request))
