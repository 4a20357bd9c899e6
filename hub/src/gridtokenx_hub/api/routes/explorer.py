"""The chain to look at: transactions, accounts, events, and events as they come."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.security import HTTPBearer
from pydantic import AfterValidator
from solders.signature import Signature

from gridtokenx_hub.api.events.log import Viewer, list_events, viewer_of
from gridtokenx_hub.api.events.stream import MAX_ID_LENGTH, EventStream, read_id
from gridtokenx_hub.api.explorer import explorer
from gridtokenx_hub.api.explorer.models import Events, ProgramName, ShownAccount, ShownTransaction
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import EXAMPLE_SIGNATURE, Address
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, Cursor, Limit
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import AuthenticatedRoute, Caller, Context, known_caller

private = APIRouter(
    prefix="/api/explorer",
    tags=["explorer"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)
public = APIRouter(prefix="/api", tags=["events"])
"""A token may be sent, and shows its holder more."""


def _signature(value: str) -> str:
    try:
        return str(Signature.from_string(value))
    except ValueError:
        raise ValueError("not a signature: 64 bytes in base58") from None


TxSignature = Annotated[
    str, Path(max_length=88, examples=[EXAMPLE_SIGNATURE]), AfterValidator(_signature)
]
EventName = Annotated[
    str, Query(pattern="^[A-Za-z]{1,50}$", examples=["OrderCreated"], description="of this kind")
]


@private.get(
    "/transactions/{signature}",
    response_model=ShownTransaction,
    responses=documented(401, 404, 422, 503),
)
async def transaction(context: Context, _caller: Caller, signature: TxSignature) -> Response:
    """An executed transaction, its instructions and events decoded by the IDLs.

    For whoever has a token: anybody can read the same from the chain.
    """
    return ExactJSONResponse((await explorer.show_transaction(context, signature)).content())


@private.get(
    "/accounts/{address}", response_model=ShownAccount, responses=documented(401, 404, 422, 503)
)
async def account(context: Context, _caller: Caller, address: Address) -> Response:
    """An account as it is now, decoded by the IDL of its program.

    For whoever has a token: anybody can read the same from the chain.
    """
    return ExactJSONResponse((await explorer.show_account(context, address)).content())


@private.get("/events", response_model=Events, responses=documented(401, 422, 503))
async def events(
    context: Context,
    caller: Caller,
    program: Annotated[ProgramName | None, Query(description="of this one alone")] = None,
    name: EventName | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Events of the programs, newest slot first.

    The market's are for all; those of meters and balances for their owners and operators.
    """
    viewer = viewer_of(caller, context.addresses)
    page = await list_events(context.pool, viewer, program, name, limit, cursor)
    return ExactJSONResponse(page.content())


@public.get(
    "/events",
    status_code=200,
    response_class=EventStream,
    responses={
        200: {
            "description": "Events as they come, each a `ShownEvent`; a comment every 15 s",
            "content": {
                "text/event-stream": {"schema": {"$ref": "#/components/schemas/ShownEvent"}}
            },
        },
        **documented(401, 422, 503),
    },
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)
async def stream(
    request: Request,
    context: Context,
    last_event_id: Annotated[
        str | None,
        Header(max_length=MAX_ID_LENGTH, description="of the last event that came; or from now on"),
    ] = None,
) -> Response:
    """New events as they are confirmed, as server-sent events.

    The market's are for all; with a token, those of its holder's meters and balances come too.
    Come back with `Last-Event-ID`, and none is missed. A client that does not read is dropped.
    """

    async def may_see() -> Viewer:
        return viewer_of(await known_caller(request), context.addresses)

    await may_see()
    feed = context.feed
    reached = None if last_event_id is None else read_id(last_event_id, feed.programs)
    return EventStream(context.pool, feed, may_see, reached)
