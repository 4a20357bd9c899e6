"""Users, their wallets and their meters."""

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.households import enrolment
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import Identifier
from gridtokenx_hub.api.http.models import (
    Balances,
    CreatedUser,
    CreateUser,
    Me,
    MintedGrx,
    MintGrx,
    RegisteredMeter,
    RegisterMeter,
)
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import (
    AuthenticatedRoute,
    Caller,
    Context,
    Operator,
    OperatorOrInstaller,
)
from gridtokenx_hub.api.meters.registration import register_meter
from gridtokenx_hub.api.transactions.idempotency import Repeatable, once
from gridtokenx_hub.api.transactions.signing import OFFERS

router = APIRouter(
    prefix="/api",
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)


@router.post(
    "/users",
    tags=["users"],
    status_code=201,
    response_model=CreatedUser,
    responses={**OFFERS, **documented(400, 401, 403, 409, 413, 422, 503)},
)
async def create_user(
    request: Repeatable, context: Context, caller: Operator, body: CreateUser
) -> Response:
    """Register a household, with its own wallet or one that the hub makes and holds.

    Needs an operator's token.

    With the same `Idempotency-Key` it is the same user, with another token each time: a token
    is shown once and kept nowhere.
    """
    answer = await once(
        context, request, caller, 201, lambda attempt: enrolment.create_user(context, attempt, body)
    )
    if answer.status != 201:
        return answer.response()
    token = await context.tokens.give_user(answer.content["user_id"])
    return ExactJSONResponse(answer.content | {"token": token}, 201)


@router.get("/users/me", tags=["users"], response_model=Me, responses=documented(401, 503))
async def me(caller: Caller) -> Response:
    """Who holds the token."""
    return ExactJSONResponse(
        Me(
            role=caller.role, user_id=caller.user_id, wallet=caller.wallet, name=caller.name
        ).content()
    )


@router.get(
    "/users/{user_id}/balances",
    tags=["users"],
    response_model=Balances,
    responses=documented(401, 403, 404, 422, 503),
)
async def balances(context: Context, caller: Caller, user_id: Identifier) -> Response:
    """What a user's wallet holds on chain; for that user or an operator."""
    caller.require_user(user_id)
    return ExactJSONResponse((await enrolment.balances(context, user_id)).content())


@router.post(
    "/meters",
    tags=["meters"],
    status_code=201,
    response_model=RegisteredMeter,
    responses={**OFFERS, **documented(400, 401, 403, 404, 409, 413, 422, 503)},
)
async def create_meter(
    request: Repeatable, context: Context, caller: OperatorOrInstaller, body: RegisterMeter
) -> Response:
    """Register a meter by the first reading that its device signed.

    Needs an operator's or installer's token. Repeating it for a meter that is registered with
    this key and owner answers the same without another transaction.
    """
    answer = await once(
        context,
        request,
        caller,
        201,
        lambda attempt: register_meter(context, attempt, caller, body),
    )
    return answer.response()


@router.post(
    "/treasury/grx",
    tags=["treasury"],
    status_code=201,
    response_model=MintedGrx,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
async def mint_grx(
    request: Repeatable, context: Context, caller: Operator, body: MintGrx
) -> Response:
    """Mint GRX to a user, under the cap. Needs an operator's token."""
    answer = await once(
        context, request, caller, 201, lambda attempt: enrolment.mint_grx(context, attempt, body)
    )
    return answer.response()
