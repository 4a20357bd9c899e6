"""My energy: what a household's meters measured, what became of it, and what it traded."""

import datetime as dt

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gridtokenx_hub.api.households.enrolment import balances
from gridtokenx_hub.api.market.trades import history
from gridtokenx_hub.web.language import THAILAND
from gridtokenx_hub.web.queries.book import own_offers, own_orders
from gridtokenx_hub.web.queries.meters import meters_of
from gridtokenx_hub.web.queries.registers import QUARTER_HOUR, Measured, measured
from gridtokenx_hub.web.rendering import Visited, page

DAYS_SHOWN = 30
TRADES_SHOWN = 20
METERS_SHOWN = 100
DAY = dt.timedelta(days=1)

router = APIRouter()


@router.get("/energy")
async def energy(visit: Visited) -> HTMLResponse:
    """A household's own energy."""
    visitor = visit.visitor
    if visitor is None or visitor.user_id is None or visitor.wallet is None:
        return page(visit, "sign_in_first.html", heading="energy")
    pool = visit.context.pool
    owned = await meters_of(pool, visitor.wallet, METERS_SHOWN)
    ids = [meter.meter_id for meter in owned]
    midnight = start_of_day(visit.now)
    return page(
        visit,
        "energy.html",
        meters=owned,
        holds=await balances(visit.context, visitor.user_id),
        quarters=await measured(pool, ids, quarter_hours_of(midnight), visit.now) if ids else [],
        days=await measured(pool, ids, days_until(midnight), visit.now) if ids else [],
        trades=(await history(pool, visitor.wallet, TRADES_SHOWN, None)).transactions,
        orders=await own_orders(pool, visitor.wallet, TRADES_SHOWN),
        offers=await own_offers(pool, visitor.wallet, TRADES_SHOWN),
        total=total,
    )


def start_of_day(now: dt.datetime) -> dt.datetime:
    """Return the last midnight in Thailand."""
    return now.astimezone(THAILAND).replace(hour=0, minute=0, second=0, microsecond=0)


def quarter_hours_of(midnight: dt.datetime) -> list[dt.datetime]:
    """Return the boundaries of the day's quarter-hours, both ends included."""
    return [midnight + QUARTER_HOUR * index for index in range(DAY // QUARTER_HOUR + 1)]


def days_until(midnight: dt.datetime) -> list[dt.datetime]:
    """Return the midnights of the days that are shown, the end of the last included."""
    return [midnight + DAY * index for index in range(1 - DAYS_SHOWN, 2)]


def total(spans: list[Measured], field: str) -> int:
    """Return the sum over spans of one of their registers, in mWh."""
    return sum(getattr(span, field) for span in spans)
