"""Invariants 1 and 2: no token without a signed surplus, and none that nobody holds."""

from collections.abc import Iterator

from gridtokenx_hub.audit.chain_state import ChainState, Token, by_meter
from gridtokenx_hub.audit.findings import CHAIN, Check, Difference
from gridtokenx_hub.leadership import Connection

SIGNED = "by the registers that the devices signed"

SURPLUSES = """
WITH registers AS (
    SELECT meter_id, 0 AS sequence, false AS mints, baseline_surplus_mwh AS surplus_mwh
    FROM meters
    UNION ALL
    SELECT decode(data ->> 'meter_id', 'hex'), sequence, name = 'MeterSettled',
           (data ->> 'surplus_mwh')::bigint
    FROM events WHERE program = 'energy_token' AND name IN ('MeterSettled', 'MeterRebased')
), rises AS (
    SELECT meter_id, mints,
           surplus_mwh - lag(surplus_mwh) OVER (PARTITION BY meter_id ORDER BY sequence) AS mwh
    FROM registers
)
SELECT meter_id, coalesce(sum(mwh) FILTER (WHERE mints), 0)::bigint AS mwh
FROM rises GROUP BY meter_id
"""
"""What each settlement added to the surplus register that its device signed; a replaced meter
(MeterRebased) sets the register anew and adds nothing."""


async def check_minted(connection: Connection, chain: ChainState) -> Check:
    """Σ minted ENERGY = Σ settled surplus of the meters; never more."""
    rows = await connection.fetch(SURPLUSES)
    signed = {row["meter_id"]: row["mwh"] for row in rows}
    ledgers = by_meter(chain.accounts["Ledger"])
    minted = sum(ledger["minted_mwh"] for ledger in ledgers.values())
    redeemed = sum(ledger["redeemed_mwh"] for ledger in ledgers.values())
    differences = [
        Difference(
            f"minted for meter {meter_id.hex()}",
            {SIGNED: signed.get(meter_id), CHAIN: ledger["minted_mwh"]},
        )
        for meter_id, ledger in ledgers.items()
        if signed.get(meter_id) != ledger["minted_mwh"]
    ]
    # A holder may burn tokens; nobody may have more than was minted.
    if chain.energy.supply > minted - redeemed:
        differences.append(
            Difference(
                "ENERGY",
                {
                    "minted and not redeemed": minted - redeemed,
                    "in circulation": chain.energy.supply,
                },
            )
        )
    compared = {
        "ledgers": len(ledgers),
        "signed_surplus_mwh": sum(signed.values()),
        "minted_mwh": minted,
        "redeemed_mwh": redeemed,
        "supply_mwh": chain.energy.supply,
        "burnt_by_holders_mwh": max(0, minted - redeemed - chain.energy.supply),
    }
    return Check(1, "minted ENERGY is the surplus that was settled", compared, differences)


def check_supply(chain: ChainState) -> Check:
    """Each supply = Σ token accounts; GRX at most its cap."""
    differences = [*_held("ENERGY", chain.energy), *_held("GRX", chain.grx)]
    if chain.grx.supply > chain.grx_cap:
        differences.append(
            Difference("GRX", {"allowed": chain.grx_cap, "in circulation": chain.grx.supply})
        )
    compared = {
        "energy_accounts": len(chain.energy.balances),
        "energy_held_mwh": chain.energy.held,
        "energy_supply_mwh": chain.energy.supply,
        "grx_accounts": len(chain.grx.balances),
        "grx_held_micro": chain.grx.held,
        "grx_supply_micro": chain.grx.supply,
        "grx_cap_micro": chain.grx_cap,
    }
    return Check(
        2, "each supply is what the accounts hold, GRX below its cap", compared, differences
    )


def _held(name: str, token: Token) -> Iterator[Difference]:
    if token.held != token.supply:
        yield Difference(name, {"in accounts": token.held, "in the mint's supply": token.supply})
