"""Templates, escaped throughout, and how they write amounts and times."""

import datetime as dt

from jinja2 import Environment, PackageLoader, StrictUndefined

from gridtokenx_hub.api.market import iso
from gridtokenx_protocol.units import format_grx, format_kwh

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


def kwh(amount_mwh: int) -> str:
    """Write energy in kWh without needless zeros: 10,000,000 mWh is `10`."""
    return f"{format_kwh(amount_mwh):,}".removesuffix(".0")


def grx(amount_micro_grx: int) -> str:
    """Write money in GRX without needless zeros."""
    return f"{format_grx(amount_micro_grx):,}".removesuffix(".0")


def price(micro_grx_per_kwh: int) -> str:
    """Write a price with a fraction digit at least, as prices are: `3.0`."""
    return f"{format_grx(micro_grx_per_kwh):,}"


def ago(instant: dt.datetime, now: dt.datetime) -> str:
    """Write how long ago something was."""
    seconds = int((now - instant).total_seconds())
    if seconds < MINUTE_S:
        return "just now"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min ago"
    if seconds < DAY_S:
        return f"{seconds // HOUR_S} h ago"
    days = seconds // DAY_S
    return f"{days} day{'s' if days > 1 else ''} ago"


def render(template: str, **values: object) -> str:
    """Return a page."""
    return _templates.get_template(template).render(values)


_templates = Environment(
    loader=PackageLoader("gridtokenx_hub.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(kwh=kwh, grx=grx, price=price, ago=ago, iso=iso)
