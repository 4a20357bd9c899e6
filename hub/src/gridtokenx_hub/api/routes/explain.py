"""From minted tokens back to the meter."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPBearer
from pydantic import Field

from gridtokenx_hub.api.explorer.explaining import Viewer, explainer_of, viewer_of
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import EXAMPLE_TIME, MAX_ID
from gridtokenx_hub.api.http.models import In, Out
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import (
    AuthenticatedRoute,
    Caller,
    Context,
    PublicRoute,
    identify,
)
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.api.routes.explorer import TxSignature
from gridtokenx_hub.api.transactions.idempotency import once
from gridtokenx_hub.explain import Explanation, Readings
from gridtokenx_hub.explain.answer import SIGNATURE
from gridtokenx_hub.explain.shares import Shares

MOST_SHARE_DAYS = 90
METER_ID = "^[0-9a-f]{32}$"

MeterOf = Annotated[str, Query(pattern=METER_ID, description="of which meter of the transaction")]
_bearer = [Depends(HTTPBearer(auto_error=False))]

public = APIRouter(
    prefix="/api/explain", tags=["explain"], route_class=PublicRoute, dependencies=_bearer
)
private = APIRouter(
    prefix="/api/explain", tags=["explain"], route_class=AuthenticatedRoute, dependencies=_bearer
)


class MakeShare(In):
    """Show others the readings of one meter behind a transaction, for a while."""

    meter_id: str = Field(pattern=METER_ID, examples=["9f2c4e1ab07d4c55a1e3b6d8f0c2e4a6"])
    days: int = Field(default=30, ge=1, le=MOST_SHARE_DAYS)


class Share(Out):
    """A link; whoever has it sees that household's readings behind that transaction."""

    path: str = Field(examples=[f"/explain/{SIGNATURE}#share=1766534400.9f2c….Xq3…"])
    share: str = Field(description="for `Authorization: Share …`")
    expires_at: str = Field(examples=[EXAMPLE_TIME])


@public.get("/{signature}", response_model=Explanation, responses=documented(401, 404, 422, 503))
async def explain(request: Request, context: Context, signature: TxSignature) -> Response:
    """Where the tokens of a transaction come from, step by step, for anybody to check.

    `household` is shown to the owner, to operators, and to whoever has a share.
    """
    viewer = await viewer_of(request, signature)
    answer = await explainer_of(context).explain(signature, viewer.sees)
    return ExactJSONResponse(answer.content())


@public.get(
    "/{signature}/readings",
    response_model=Readings,
    responses=documented(401, 403, 404, 422, 503),
)
async def readings(
    request: Request,
    context: Context,
    signature: TxSignature,
    meter_id: MeterOf,
    below: Annotated[int, Query(ge=1, le=MAX_ID, description="newest sequence, excluded")] = MAX_ID,
) -> Response:
    """The readings between two settlements, newest first: each names the hash of the one before.

    For the owner, for operators, and for whoever has a share; 500 at a time.
    """
    viewer = await viewer_of(request, signature)
    if viewer == Viewer():
        await identify(request)  # which refuses strangers
    explainer = explainer_of(context)
    meter = bytes.fromhex(meter_id)
    viewer.require(meter_id, await explainer.owner(signature, meter))
    return ExactJSONResponse((await explainer.readings(signature, meter, below)).content())


@private.post(
    "/{signature}/shares",
    status_code=201,
    response_model=Share,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
async def make_share(
    request: Request, context: Context, caller: Caller, signature: TxSignature, body: MakeShare
) -> Response:
    """Make a link that shows the readings of one meter behind a transaction, for its owner."""

    async def make() -> Share:
        owner = await explainer_of(context).owner(signature, bytes.fromhex(body.meter_id))
        Viewer(caller).require(body.meter_id, owner)
        expires = context.clock() + dt.timedelta(days=body.days)
        share = Shares(context.share_seed).make(signature, body.meter_id, int(expires.timestamp()))
        return Share(
            path=f"/explain/{signature}#share={share}", share=share, expires_at=iso(expires)
        )

    answer = await once(context, request, caller, 201, lambda _attempt: make())
    return answer.response()
