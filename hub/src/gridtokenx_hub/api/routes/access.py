"""Tokens, sessions, and sign-in with a wallet."""

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.access.models import (
    AskToSignIn,
    Challenge,
    CreatedToken,
    CreateToken,
    Session,
    SignedIn,
    SignIn,
    TokenList,
)
from gridtokenx_hub.api.access.sessions import forget_session, keep_session, open_session
from gridtokenx_hub.api.access.sign_in import challenge, sign_in
from gridtokenx_hub.api.access.tokens import (
    make_token,
    renew_secret,
    revoke_token,
    scope,
    token_page,
)
from gridtokenx_hub.api.households.enrolment import register_me
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import Identifier
from gridtokenx_hub.api.http.models import NewUser
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, Cursor, Limit
from gridtokenx_hub.api.http.problems import Problem, documented
from gridtokenx_hub.api.http.routing import AuthenticatedRoute, Caller, Context, PublicRoute
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.api.transactions.idempotency import Repeatable, once
from gridtokenx_hub.api.transactions.signing import OFFERS

public = APIRouter(prefix="/api", tags=["access"], route_class=PublicRoute)
private = APIRouter(
    prefix="/api",
    tags=["access"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)


@public.post(
    "/sign-in/challenges",
    status_code=201,
    response_model=Challenge,
    responses=documented(400, 413, 422),
)
async def ask(context: Context, body: AskToSignIn) -> Response:
    """Ask for the text that a wallet signs to sign in (Sign-In With Solana); good for 5 minutes."""
    return ExactJSONResponse(challenge(context, body).content(), 201)


@public.post(
    "/sign-in",
    status_code=201,
    response_model=SignedIn,
    responses=documented(400, 403, 404, 413, 422, 503),
)
async def enter(context: Context, body: SignIn) -> Response:
    """Sign in with a signed challenge: a token for 12 hours. A challenge is good for one sign-in.

    A wallet that nobody has registered gets one too, with `name` and `user_type`, where the
    operator lets wallets register themselves; `POST /api/users/me/registration` comes next.
    """
    return ExactJSONResponse((await sign_in(context, body)).content(), 201)


@private.post(
    "/users/me/registration",
    status_code=201,
    response_model=NewUser,
    responses={**OFFERS, **documented(400, 401, 403, 409, 413, 422, 503)},
)
async def register(request: Repeatable, context: Context, caller: Caller) -> Response:
    """Register the caller's own wallet on chain, with its token accounts."""
    caller.require("user")
    answer = await once(
        context, request, caller, 201, lambda attempt: register_me(context, attempt, caller)
    )
    return answer.response()


@private.post(
    "/sessions",
    status_code=201,
    response_model=Session,
    responses=documented(401, 403, 409, 503),
)
async def start(context: Context, caller: Caller) -> Response:
    """Open a session for a browser: the token that it came with becomes an HttpOnly cookie."""
    session = await open_session(context, caller)
    content = Session(role=caller.role, user_id=caller.user_id, expires_at=iso(session.expires_at))
    response = ExactJSONResponse(content.content(), 201)
    keep_session(context, response, session)
    return response


@private.delete("/sessions/current", status_code=204, responses=documented(401, 403, 409, 503))
async def end(context: Context, caller: Caller) -> Response:
    """End the session that the cookie belongs to."""
    if not caller.is_session:
        raise Problem(409, "NoSession", "this is a token: revoke it at /api/tokens")
    await revoke_token(context.pool, context.clock(), caller.token_id)
    response = Response(status_code=204)
    forget_session(context, response)
    return response


@private.post(
    "/tokens",
    status_code=201,
    response_model=CreatedToken,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
async def create(
    request: Repeatable, context: Context, caller: Caller, body: CreateToken
) -> Response:
    """Make a bearer token; it is shown this once. Operators for anybody, users for themselves.

    With the same `Idempotency-Key` it is the same token, with another secret each time.
    """
    answer = await once(
        context, request, caller, 201, lambda attempt: make_token(context, attempt, caller, body)
    )
    if answer.status != 201:
        return answer.response()
    token = await renew_secret(context.pool, answer.content["token_id"])
    return ExactJSONResponse(answer.content | {"token": token}, 201)


@private.get("/tokens", response_model=TokenList, responses=documented(401, 422, 503))
async def tokens(
    context: Context, caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Tokens and sessions that are good now: all for an operator, one's own for others."""
    return ExactJSONResponse((await token_page(context, caller, limit, cursor)).content())


@private.delete(
    "/tokens/{token_id}", status_code=204, responses=documented(401, 403, 404, 422, 503)
)
async def revoke(context: Context, caller: Caller, token_id: Identifier) -> Response:
    """Revoke a token, and with it the sessions that were made from it."""
    if not await revoke_token(context.pool, context.clock(), token_id, *scope(caller)):
        raise Problem(404, "UnknownToken", f"you have no token {token_id}")
    return Response(status_code=204)
