"""What the demo tells: the seven talking points, each with its evidence."""

from collections.abc import Callable
from typing import Any

from demo.devices import device_proof
from demo.households import Household
from demo.hub_client import Chain
from demo.outcome import settled_meter
from demo.state import State

MICRO = 1_000_000
Tell = Callable[[str], None]


def amount(base_units: int) -> str:
    """Write base units as a decimal number without needless zeros."""
    whole, fraction = divmod(abs(base_units), MICRO)
    sign = "-" if base_units < 0 else ""
    return f"{sign}{whole}" + (f".{fraction:06d}".rstrip("0") if fraction else "")


async def tell_story(
    tell: Tell,
    chain: Chain,
    deployment: dict[str, Any],
    state: State,
    status: dict[str, Any],
    houses: list[Household],
    after: dict[str, int],
) -> None:
    """Walk through the talking points of the original architecture with what this run left."""
    await _authority_chain(tell, chain)
    await _accounts(tell, chain, deployment, houses)
    await _meters(tell, chain, status, houses)
    _order(tell, state)
    _match(tell, state)
    _balances(tell, state["balances_before_trade"], after)
    await _audit(tell, chain, state)


async def _authority_chain(tell: Tell, chain: Chain) -> None:
    genesis, slot = await chain.call("getGenesisHash"), await chain.call("getSlot")
    tell("1. A proof-of-authority chain runs on this machine")
    tell(f"   genesis {genesis}, slot {slot}")
    tell("   (run by the hub itself it shows the flow; independence takes other authorities)")


async def _accounts(
    tell: Tell, chain: Chain, deployment: dict[str, Any], houses: list[Household]
) -> None:
    registry = deployment["programs"]["registry"]
    tell("2. Users register and get accounts on chain")
    for household in houses:
        tell(f"   {household.house.name}: wallet {household.wallet}")
        tell(f"     meter {household.meter['meter_id']}: tx {household.meter['tx_signature']}")
    slot = (await chain.transaction(houses[0].meter["tx_signature"]))["slot"]
    tell(f"   registered by program {registry} in slot {slot}")


async def _meters(
    tell: Tell, chain: Chain, status: dict[str, Any], houses: list[Household]
) -> None:
    tell("3. Meters send readings that their devices signed")
    tell(
        f"   {status['readings_stored']} readings verified, "
        f"{status['readings_quarantined']} refused; logs/meter-a.log, logs/edge-a.log"
    )
    meter = settled_meter(status, houses[0].meter["meter_id"])
    proof = device_proof(await chain.transaction(meter["last_settlement"]), meter["meter_id"])
    record = proof.record
    tell(
        f"   reading {record.sequence} of {houses[0].house.name}: surplus register "
        f"{amount(record.surplus_mwh)} kWh, hash {meter['settled_hash']}"
    )
    tell(f"   minted {amount(meter['minted_mwh'])} kWh; last tx {meter['last_settlement']}")
    tell(f"   check each step of it in your browser: /explain/{meter['last_settlement']}")
    own = houses[0].device["public_key"]
    same = "the very key" if proof.public_key == own else "NOT the key"
    tell(f"   the chain checked the signature by {proof.public_key}:")
    tell(f"   {same} that the device itself printed when it was installed")


def _order(tell: Tell, state: State) -> None:
    order = state["order"]
    tell("4. A sells: an order on chain, its energy in escrow")
    tell(
        f"   order {order['order_id']}: {order['amount_kwh']} kWh at "
        f"{order['price_per_kwh']} GRX/kWh, tx {order['tx_signature']}"
    )


def _match(tell: Tell, state: State) -> None:
    shown, match = state["shown"], state["match"]
    tell("5. B finds it in the order book and buys")
    tell(
        f"   shown: {shown['seller']['name']}, {shown['amount_kwh']} kWh, "
        f"{shown['total_price_grx']} GRX"
    )
    tell(f"   {match['status']} at {match['filled_at']}, tx {match['tx_signature']}")


def _balances(tell: Tell, before: dict[str, int], after: dict[str, int]) -> None:
    tell("6. Settlement is part of the same transaction: energy and money move together")
    for key, name in (("a", "A"), ("b", "B")):
        energy = f"{amount(before[f'energy_{key}'])} → {amount(after[f'energy_{key}'])} kWh"
        grx = f"{amount(before[f'grx_{key}'])} → {amount(after[f'grx_{key}'])} GRX"
        tell(f"   {name}: {energy}, {grx}")


async def _audit(tell: Tell, chain: Chain, state: State) -> None:
    tell("7. Everything can be looked up again, by anyone")
    for key, name in (("a", "A"), ("b", "B")):
        for entry in state["history"][key]["transactions"]:
            tell(
                f"   {name} {entry['side']} {entry['amount_kwh']} kWh for {entry['total_grx']} "
                f"{entry['payment_method']}, with {entry['counterparty']['name']}"
            )
    for what in ("order", "match"):
        signature = state[what]["tx_signature"]
        found = await chain.transaction(signature)
        tell(
            f"   {what}: slot {found['slot']}, "
            f"{found['meta']['computeUnitsConsumed']} compute units"
        )
