"""Invariant 4: what is for sale, offered or reserved is there."""

from collections.abc import Callable, Mapping

from solders.pubkey import Pubkey

from gridtokenx_hub.audit.chain_state import ChainState, Fields, Token
from gridtokenx_hub.audit.findings import Check, Difference
from gridtokenx_programs import Addresses
from gridtokenx_protocol.units import quote


def check_escrows(chain: ChainState, addresses: Addresses) -> Check:
    """Each escrow holds at least what is owed from it; what is above it is a donation."""
    kinds: Mapping[str, tuple[Token, Callable[[Fields], int]]] = {
        "Order": (chain.energy, _owed_by_order),
        "Offer": (chain.grx, _owed_by_offer),
        "Reservation": (chain.grx, lambda fields: int(fields["payment_micro_grx"])),
    }
    compared: dict[str, int] = {}
    differences: list[Difference] = []
    for kind, (token, owed_by) in kinds.items():
        owed = {entry: owed_by(fields) for entry, fields in chain.accounts[kind].items()}
        held = {entry: token.balances.get(addresses.escrow(entry), 0) for entry in owed}
        name = kind.lower()
        compared |= {
            f"{name}s": len(owed),
            f"{name}s_owed": sum(owed.values()),
            f"{name}s_held": sum(held.values()),
        }
        differences += [
            _short(name, entry, owed[entry], held[entry])
            for entry in owed
            if held[entry] < owed[entry]
        ]
    return Check(4, "each escrow holds what is owed from it", compared, differences)


def _short(name: str, entry: Pubkey, owed: int, held: int) -> Difference:
    return Difference(f"escrow of {name} {entry}", {"owed": owed, "held": held})


def _owed_by_order(order: Fields) -> int:
    left: int = order["amount_mwh"] - order["filled_mwh"] - order["returned_mwh"]
    return left


def _owed_by_offer(offer: Fields) -> int:
    """An offer that has ended has given all back."""
    if offer["status"] != "Active":
        return 0
    price = offer["price_micro_grx"]
    return quote(offer["amount_mwh"], price) - quote(offer["filled_mwh"], price)
