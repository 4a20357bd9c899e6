"""The result of a run, and whether it is what it must be."""

from typing import Any

from demo.plan import Plan
from demo.state import State
from gridtokenx_protocol.units import MWH_PER_KWH, parse_grx, parse_kwh, quote

SEED_MINTED_MWH = 12 * MWH_PER_KWH


def result(state: State, status: dict[str, Any], balances: dict[str, int]) -> dict[str, Any]:
    """Return the object that `--json` prints; energies and GRX in base units."""
    before = state["balances_before_trade"]
    meter_a = settled_meter(status, state["a.meter"]["meter_id"])
    return {
        "energy_a": balances["energy_a"],
        "energy_b": balances["energy_b"],
        "grx_a_delta": balances["grx_a"] - before["grx_a"],
        "grx_b_delta": balances["grx_b"] - before["grx_b"],
        "readings_verified": status["readings_stored"],
        "minted": status["minted_mwh"],
        "signatures": {
            "register_meter": state["a.meter"]["tx_signature"],
            "settle_meter": meter_a["last_settlement"],
            "create_order": state["order"]["tx_signature"],
            "match_order": state["match"]["tx_signature"],
        },
    }


def settled_meter(status: dict[str, Any], meter_id: str) -> dict[str, Any]:
    """Return what the hub's status says of one meter."""
    meter: dict[str, Any] = next(
        meter for meter in status["meters"] if meter["meter_id"] == meter_id
    )
    return meter


def differences(plan: Plan, outcome: dict[str, Any], supply: int, surplus_mwh: int) -> list[str]:
    """Return a line for each number that is not what the plan makes it.

    Args:
        plan: what was played.
        outcome: what `result` returned.
        supply: the ENERGY mint's supply, asked of the chain.
        surplus_mwh: the sum of the surplus registers that the devices signed last.
    """
    sold = parse_kwh(plan.sell_kwh)
    paid = quote(sold, parse_grx(plan.price_grx))
    expected = {
        "minted": surplus_mwh,
        "energy_a": surplus_mwh - sold,
        "energy_b": sold,
        "grx_a_delta": paid,
        "grx_b_delta": -paid,
    }
    lines = [
        f"{name} is {outcome[name]}, not {value}"
        for name, value in expected.items()
        if outcome[name] != value
    ]
    if supply != outcome["minted"]:
        lines.append(f"the ENERGY supply is {supply}, not the {outcome['minted']} minted")
    if plan.scenario == "seed" and plan.csv is None and surplus_mwh != SEED_MINTED_MWH:
        lines.append(f"the day's surplus is {surplus_mwh}, not {SEED_MINTED_MWH}")
    if outcome["readings_verified"] < 1:
        lines.append("no reading was verified")
    return lines
