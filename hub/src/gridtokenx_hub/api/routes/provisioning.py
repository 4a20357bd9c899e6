"""Claims and all that an installer does with a code; renewal of certificates."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.security import APIKeyHeader

from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.models import Out
from gridtokenx_hub.api.http.problems import Problem, documented
from gridtokenx_hub.api.http.routing import (
    Context,
    MeterId,
    PublicRoute,
    at_once,
    caller_address,
)
from gridtokenx_hub.api.transactions.signing import OFFERS
from gridtokenx_hub.provisioning import changes, handover, offers, registration
from gridtokenx_hub.provisioning.acting import acting
from gridtokenx_hub.provisioning.certificates import renew_certificate
from gridtokenx_hub.provisioning.claims import claim
from gridtokenx_hub.provisioning.models import (
    Changed,
    Claim,
    ClaimMeter,
    ClaimStatus,
    Handover,
    OwnerSigned,
    PresentCode,
    ProveByReading,
    Register,
    Registered,
    RenewCertificate,
    RenewedCertificate,
    RotateKey,
)
from gridtokenx_hub.registrar import Purpose

ACTED = documented(400, 404, 409, 410, 413, 422, 429, 503)
OFFERED = {**OFFERS, **ACTED}
SIGNED_BY_OWNERS: tuple[Purpose, ...] = ("install", "rotate_key", "transfer")

by_code = APIRouter(prefix="/api/provisioning", tags=["provisioning"], route_class=PublicRoute)
"""No token: the code, or the device's signature, is the credential."""


CODE_HEADER = APIKeyHeader(
    name="Authorization",
    scheme_name="ProvisioningCode",
    description="Code K7QF-9M2X-4TDA-W3HN",
    auto_error=False,
)
CallerAddress = Annotated[str, at_once(caller_address)]


def _answer(content: Out, status: int = 201) -> Response:
    return ExactJSONResponse(content.content(), status)


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
        return _answer(await registration.register(context, code, body.baseline, body.csr_pem))


@by_code.post(
    "/claims/{meter_id}/owner-signature",
    status_code=201,
    response_model=Registered,
    responses=OFFERED,
)
async def owner_signature(
    context: Context, address: CallerAddress, meter_id: MeterId, body: OwnerSigned
) -> Response:
    """Do what the code is for, with the transaction that was answered and an owner has signed.

    A certificate is in the answer for a registration alone. 202 when the other owner has to sign
    too.
    """
    async with acting(context, address, body.code, meter_id, *SIGNED_BY_OWNERS) as code:
        done = await offers.owner_signed(context, code, body.transaction)
        return _answer(registration.registered(context, code, done))


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
        return _answer(await changes.rotate_key(context, code, body.reading, body.handover))


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
        return _answer(await changes.transfer(context, code))


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
