"""Invariant 5: the bridge has what is locked, and no payment ends twice."""

from collections.abc import Iterator, Mapping

import asyncpg

from gridtokenx_hub.audit.bridge_state import BridgeState
from gridtokenx_hub.audit.findings import CHAIN, DATABASE, Check, Difference, differing
from gridtokenx_hub.leadership import Connection

TITLE = "the bridge holds what is locked, and a payment ends once, as its energy did"
LOCKED = "locked"

KNOWN = """
SELECT p.reservation_id, p.state, p.micro_thbc, p.payer FROM payments p
"""
DELIVERED = """
SELECT reservation_id FROM reservations WHERE status = 'matched'
"""
"""The indexer has seen their energy change hands (`TradeExecuted`)."""


async def check_payments(connection: Connection, bridge: BridgeState | None) -> Check:
    """The bridge's balance, its own count, its events and `payments` tell of the same baht."""
    if bridge is None:
        return Check(5, TITLE, {}, [], skipped="no [bridge] is set in hub.toml")
    known = {row["reservation_id"]: row for row in await connection.fetch(KNOWN)}
    delivered = {row["reservation_id"] for row in await connection.fetch(DELIVERED)}
    of_events = sum(
        event.micro_thbc for name, event in bridge.received.items() if not bridge.endings.get(name)
    )
    of_rows = sum(row["micro_thbc"] for row in known.values() if row["state"] == LOCKED)
    compared = {
        "bridge_block": bridge.block_number,
        "newer_blocks": bridge.blocks_behind,
        "payments_on_chain": len(bridge.received),
        "payments_in_database": len(known),
        "delivered_on_solana": len(delivered),
        "micro_thbc_held": bridge.micro_thbc_held,
        "micro_thbc_locked_by_contract": bridge.micro_thbc_locked,
        "micro_thbc_locked_by_events": of_events,
        "micro_thbc_locked_in_database": of_rows,
    }
    differences = [
        *_sums(bridge, of_events, of_rows),
        *_ended_twice(bridge),
        *_against_energy(bridge, delivered),
        *_rows(bridge, known),
    ]
    return Check(5, TITLE, compared, differences)


def _sums(bridge: BridgeState, of_events: int, of_rows: int) -> Iterator[Difference]:
    locked = bridge.micro_thbc_locked
    if bridge.micro_thbc_held < locked:
        yield Difference(
            "micro THBC of the bridge", {"held": bridge.micro_thbc_held, LOCKED: locked}
        )
    if of_events != locked:
        yield Difference(
            "micro THBC locked", {"by the events": of_events, "by the contract": locked}
        )
    yield from differing("micro THBC locked", of_rows, locked)


def _ended_twice(bridge: BridgeState) -> Iterator[Difference]:
    for name, endings in bridge.endings.items():
        if len(endings) > 1:
            yield Difference(f"payment for {name} ended", {"as": " and ".join(endings)})


def _against_energy(bridge: BridgeState, delivered: set[str]) -> Iterator[Difference]:
    """Delivered energy is never refunded, and what is released was delivered."""
    for name, endings in bridge.endings.items():
        if name in delivered and "refunded" in endings:
            yield Difference(
                f"payment for {name}", {"on the EVM chain": "refunded", "on Solana": "delivered"}
            )
        if name not in delivered and "released" in endings:
            yield Difference(
                f"payment for {name}",
                {"on the EVM chain": "released", "on Solana": "not delivered"},
            )


def _rows(bridge: BridgeState, known: Mapping[str, asyncpg.Record]) -> Iterator[Difference]:
    for name in known.keys() | bridge.received.keys():
        row, event = known.get(name), bridge.received.get(name)
        subject = f"payment for {name}"
        if row is None or event is None:
            yield Difference(
                subject,
                {
                    DATABASE: "missing" if row is None else "there",
                    CHAIN: "missing" if event is None else "there",
                },
            )
            continue
        ended = bridge.endings.get(name)
        yield from differing(f"{subject} state", row["state"], ended[-1] if ended else LOCKED)
        yield from differing(f"{subject} micro_thbc", row["micro_thbc"], event.micro_thbc)
        yield from differing(f"{subject} payer", row["payer"].hex(), event.payer.hex())
