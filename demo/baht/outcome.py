"""What the second act must have left behind, to the last unit."""

from typing import Any

from demo.plan import THB_PER_GRX, Plan
from gridtokenx_protocol.units import parse_grx, parse_kwh, quote

MICRO = 1_000_000


def baht_differences(plan: Plan, found: dict[str, Any]) -> list[str]:
    """Return a line for each number that is not what the plan makes it.

    What was reserved for the refunded payment stays in its order's escrow for two hours.
    """
    price = parse_grx(plan.price_grx)
    delivered, kept = parse_kwh(plan.baht_kwh), parse_kwh(plan.refunded_kwh)
    expected = {
        "energy_c": delivered,
        "energy_b_delta": -(delivered + kept),
        "grx_b_delta": quote(delivered, price),
        "micro_thbc_c_delta": -in_thbc(quote(delivered, price)),
        "micro_thbc_treasury_delta": in_thbc(quote(delivered, price)),
        "micro_thbc_was_locked": in_thbc(quote(kept, price)),
        "micro_thbc_locked": 0,
    }
    return [
        f"baht: {name} is {found[name]}, not {value}"
        for name, value in expected.items()
        if found[name] != value
    ]


def in_thbc(micro_grx: int) -> int:
    """What GRX cost in µTHBC at the demo's rate, rounded up as the program does."""
    rate = parse_grx(THB_PER_GRX)
    return -(-micro_grx * rate // MICRO)
