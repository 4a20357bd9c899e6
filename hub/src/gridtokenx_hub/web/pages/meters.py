"""Meters and their health."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.meters.meters import view_of
from gridtokenx_hub.api.meters.readings import settlements_of_meter
from gridtokenx_hub.web.pages.energy import quarter_hours_of, start_of_day
from gridtokenx_hub.web.queries.meters import meter, meters_of
from gridtokenx_hub.web.queries.registers import measured
from gridtokenx_hub.web.rendering import Visited, page

METERS_SHOWN = 200
SETTLEMENTS_SHOWN = 20

router = APIRouter()


@router.get("/meters")
async def meters(visit: Visited) -> HTMLResponse:
    """The meters of a household; all of them for an operator."""
    visitor = visit.visitor
    if visitor is None or visitor.role == "installer":
        return page(visit, "sign_in_first.html", heading="meters")
    return page(
        visit,
        "meters.html",
        meters=await meters_of(visit.context.pool, visitor.wallet, METERS_SHOWN),
    )


@router.get("/meters/{meter_id}")
async def one_meter(visit: Visited, meter_id: str) -> HTMLResponse:
    """One meter, for its owner or an operator."""
    if visit.visitor is None:
        return page(visit, "sign_in_first.html", heading="meters")
    view = await view_of(visit.context, visit.visitor, _octets(meter_id))
    pool = visit.context.pool
    found = await meter(pool, view.meter_id)
    if found is None:
        raise Problem(404, "UnknownMeter", f"there is no meter {meter_id}")
    settled = await settlements_of_meter(
        pool, view.meter_id, view.since_ms, SETTLEMENTS_SHOWN, None
    )
    return page(
        visit,
        "meter.html",
        meter=found,
        quarters=await measured(
            pool, [view.meter_id], quarter_hours_of(start_of_day(visit.now)), visit.now
        ),
        settlements=settled.settlements,
    )


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Problem(404, "UnknownMeter", "a meter id has 32 hex digits") from None
