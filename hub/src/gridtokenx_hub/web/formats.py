"""How the pages write amounts, in every language."""

from decimal import Decimal

from gridtokenx_protocol.units import format_grx, format_kwh

MICRO = 1_000_000
SATANG_MICRO = 10_000
"""A hundredth of a baht."""


def kwh(amount_mwh: int) -> str:
    """Write energy in kWh without needless zeros: 10,000,000 mWh is `10`."""
    return f"{format_kwh(amount_mwh):,}".removesuffix(".0")


def about_kwh(amount_mwh: int) -> str:
    """Write measured energy to the nearest 10 Wh: `11.96`."""
    return f"{(amount_mwh + 5_000) // 10_000 / 100:,.2f}"


def grx(amount_micro_grx: int) -> str:
    """Write money in GRX without needless zeros."""
    return f"{format_grx(amount_micro_grx):,}".removesuffix(".0")


def decimal(amount: Decimal) -> str:
    """Write a decimal of the API without needless zeros: `10.0` is `10`."""
    return f"{amount:,f}".removesuffix(".0")


def price(micro_grx_per_kwh: int) -> str:
    """Write a price with a fraction digit at least, as prices are: `3.0`."""
    return f"{format_grx(micro_grx_per_kwh):,}"


def baht(amount_micro_grx: int, micro_thb_per_grx: int) -> str:
    """Write what GRX are worth in baht, to the nearest satang: `300`, `32.50`."""
    micro_thb = amount_micro_grx * micro_thb_per_grx // MICRO
    satang = (micro_thb + SATANG_MICRO // 2) // SATANG_MICRO
    whole, rest = divmod(satang, 100)
    return f"{whole:,}.{rest:02}" if rest else f"{whole:,}"


def watts(power_mw: int) -> str:
    """Write a power in W, or in kW from 1,000 W on."""
    watts = power_mw / 1000
    return f"{watts / 1000:,.2f} kW" if abs(watts) >= 1000 else f"{watts:,.0f} W"


def short(text: str) -> str:
    """Write an address, a signature or a meter id by its ends."""
    return text if len(text) <= 13 else f"{text[:6]}…{text[-6:]}"
