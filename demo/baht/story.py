"""What the demo tells of its second act."""

from collections.abc import Callable
from typing import Any

from demo.state import State
from demo.story import amount


def tell_baht(tell: Callable[[str], None], state: State, found: dict[str, Any]) -> None:
    """Tell both payments, each with what can be looked up."""
    delivered, refunded = state["baht_delivered"], state["baht_refunded"]
    tell("8. A neighbour without any crypto pays in Thai baht")
    bought = delivered["bought"]
    tell(
        f"   {bought['amount_kwh']} kWh of B for {bought['total_price_thbc']} THBC,"
        f" reservation {bought['reservation_id']}"
    )
    tell("   locked at the bridge; two guardians of three saw it final on their own nodes,")
    tell("   Solana checked their signatures and moved energy to C and GRX to B; then, with their")
    tell("   word that this is final, the bridge paid the treasury")
    tell(
        f"   C: {amount(found['energy_c'])} kWh, {amount(found['micro_thbc_c_delta'])} THBC;"
        f" B: {amount(found['grx_b_delta'])} GRX;"
        f" treasury: {amount(found['micro_thbc_treasury_delta'])} THBC"
    )
    tell("9. A payment whose energy never comes goes back")
    bought = refunded["bought"]
    tell(
        f"   all guardians were away: {amount(found['micro_thbc_was_locked'])} THBC lay locked"
        f" for {bought['amount_kwh']} kWh"
    )
    tell("   a day later (the EVM chain's clock was put forward) the bridge gave them back, as it")
    tell("   does when anybody asks; no key of the hub or of a guardian was needed")
    tell("   (with its clock a day ahead, that chain takes no more payments: --reset begins anew)")
