"""Paying in baht: from which account, and what has become of each payment."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.baht import evm_accounts, paying, payments
from gridtokenx_hub.api.baht.models import (
    Account,
    AccountChallenge,
    AccountInUse,
    AskForAccount,
    ChooseAccount,
    ChooseOwn,
    PaymentDetails,
    Payments,
    SentPayment,
)
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import Address
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, Cursor, Limit
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import AuthenticatedRoute, Caller, Context
from gridtokenx_hub.api.transactions.idempotency import Attempt, Repeatable, once

router = APIRouter(
    prefix="/api/bridge",
    tags=["bridge"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)


@router.get("/account", response_model=AccountInUse, responses=documented(401, 403, 409, 503))
async def account(context: Context, caller: Caller) -> Response:
    """The EVM account that the caller pays from; without `account` while there is none."""
    return ExactJSONResponse((await evm_accounts.account_in_use(context, caller)).content())


@router.post(
    "/account",
    status_code=201,
    response_model=Account,
    responses=documented(400, 401, 403, 409, 413, 422, 503),
)
async def choose(
    request: Repeatable,
    context: Context,
    caller: Caller,
    body: Annotated[ChooseAccount, Body()],
) -> Response:
    """Choose the EVM account to pay from: the hub's (`custody` hub), or one of the caller's own.

    One's own signs the text of `POST /api/bridge/account/challenges` before. Errors:
    `AccountNotProved` (403), `AddressTaken`, `BahtNotOffered` (409). What was quoted before stays
    with the account that it names, and so does its refund.
    """
    caller.own_id()

    async def work(_attempt: Attempt) -> Account:
        if isinstance(body, ChooseOwn):
            return await evm_accounts.choose_own(context, caller, body)
        return await evm_accounts.choose_held(context, caller)

    return (await once(context, request, caller, 201, work)).response()


@router.post(
    "/account/challenges",
    status_code=201,
    response_model=AccountChallenge,
    responses=documented(400, 401, 403, 409, 413, 422, 503),
)
async def ask(
    request: Repeatable, context: Context, caller: Caller, body: AskForAccount
) -> Response:
    """Ask for the text that an account signs (EIP-191) to be paid from; good for 5 minutes."""
    caller.own_id()

    async def work(_attempt: Attempt) -> AccountChallenge:
        return evm_accounts.challenge(context, caller, body)

    return (await once(context, request, caller, 201, work)).response()


@router.get("/payments", response_model=Payments, responses=documented(401, 403, 409, 422, 503))
async def listed(
    context: Context, caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """The caller's purchases in baht, newest first."""
    page = await payments.list_payments(context, caller.own_id(), limit, cursor)
    return ExactJSONResponse(page.content())


@router.get(
    "/payments/{reservation_id}",
    response_model=PaymentDetails,
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def details(
    context: Context, caller: Caller, reservation_id: Annotated[Address, Path()]
) -> Response:
    """A purchase of the caller's in baht: how far it is, and what is to be sent now.

    `state` is `awaiting_payment`, `expired_unpaid`, `paid` (locked at the bridge, waiting for the
    energy), `energy_delivered`, `released` (to the treasury), `refundable` (the energy does not
    come: from `refundable_from` on, the call `refund` brings the baht back) or `refunded`.
    """
    answer = await payments.payment_details(context, caller.own_id(), reservation_id)
    return ExactJSONResponse(answer.content())


@router.post(
    "/payments/{reservation_id}/pay",
    response_model=SentPayment,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
async def pay(
    request: Repeatable,
    context: Context,
    caller: Caller,
    reservation_id: Annotated[Address, Path()],
) -> Response:
    """Pay from the EVM account that the hub holds: with a permit, in one transaction, once.

    Errors (409): `PaymentNotDue`, `AccountNotHeld`, `InsufficientBaht`, `PaymentRefused` (the EVM
    chain would not take it: no ether for gas, for example).
    """
    user_id = caller.own_id()

    async def work(_attempt: Attempt) -> SentPayment:
        return await paying.pay(context, user_id, reservation_id)

    return (await once(context, request, caller, 200, work)).response()


@router.post(
    "/payments/{reservation_id}/refund",
    response_model=SentPayment,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
async def refund(
    request: Repeatable,
    context: Context,
    caller: Caller,
    reservation_id: Annotated[Address, Path()],
) -> Response:
    """Take the baht back to the EVM account that the hub holds, once it is time.

    Errors (409): `RefundNotDue`, `AccountNotHeld`, `PaymentRefused`.
    """
    user_id = caller.own_id()

    async def work(_attempt: Attempt) -> SentPayment:
        return await paying.refund(context, user_id, reservation_id)

    return (await once(context, request, caller, 200, work)).response()
