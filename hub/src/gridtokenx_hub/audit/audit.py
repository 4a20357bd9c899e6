"""The audit: reads database and chain as they are at one moment, and checks the invariants."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridtokenx_hub.audit.bridge_state import BridgeState
from gridtokenx_hub.audit.chain_state import ChainState, read_chain
from gridtokenx_hub.audit.escrows import check_escrows
from gridtokenx_hub.audit.findings import Check, Difference
from gridtokenx_hub.audit.payments import check_payments
from gridtokenx_hub.audit.supply import check_minted, check_supply
from gridtokenx_hub.audit.verdicts import check_verdicts
from gridtokenx_hub.audit.view import check_view
from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.readings.retention import surely_kept_since_ms
from gridtokenx_programs import Addresses, Program

if TYPE_CHECKING:
    from gridtokenx_hub.audit.bridge_reader import BridgeReader

RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared, and what was found.

    Attributes:
        events: up to which event of each program the chain was read.
        moved: whether database and chains never stood at the same event, or block, for as long as
            it takes to read them: what differs may then be of the moment.
        checks: one for each invariant.
    """

    events: Mapping[str, int]
    moved: bool
    checks: Sequence[Check]

    @property
    def differences(self) -> list[Difference]:
        """What was found, of all checks."""
        return [difference for check in self.checks for difference in check.differences]


async def audit(
    connection: Connection,
    client: ChainClient,
    programs: Mapping[str, Program],
    addresses: Addresses,
    now_ms: int,
    patience_s: float = 0.0,
    hashes_since_ms: int = 0,
    bridge: "BridgeReader | None" = None,
) -> Report:
    """Check the design's invariants; nothing is written.

    The hub may run meanwhile. The database is read in one snapshot. The chain cannot be read as
    it was at a given moment, so both are read anyway until the snapshot has all the events that
    the chain had sent before and after it was read, for `patience_s` at most. Of readings since
    `hashes_since_ms`, Unix ms, the content is hashed anew. The bridge is read as it was at the
    block that its listener has come to; without one, its invariant is skipped.

    Raises:
        ChainUnavailable: a node does not answer.
        RequestRefused: it does not list a program's accounts, or has the bridge's past no more.
    """
    deadline = time.monotonic() + patience_s
    while True:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            # The snapshot is taken by this first question.
            known = await _watermarks(connection)
            chain = await read_chain(client, programs, addresses)
            baht = None
            if bridge is not None:
                baht = await bridge.read(connection, bytes(await client.genesis_hash()))
            moved = (
                chain.moved
                or any(known.get(name, 0) != n for name, n in chain.events.items())
                or (baht is not None and baht.moved)
            )
            if not moved or time.monotonic() >= deadline:
                checks = await check_all(
                    connection, chain, addresses, now_ms, hashes_since_ms, baht
                )
                return Report(chain.events, moved, checks)
        await asyncio.sleep(RETRY_S)


async def check_all(
    connection: Connection,
    chain: ChainState,
    addresses: Addresses,
    now_ms: int,
    hashes_since_ms: int,
    bridge: BridgeState | None = None,
) -> list[Check]:
    """Check every invariant; a new one gets its line here."""
    return [
        await check_minted(connection, chain),
        check_supply(chain),
        await check_verdicts(connection, surely_kept_since_ms(now_ms), hashes_since_ms),
        check_escrows(chain, addresses),
        await check_payments(connection, bridge),
        await check_view(connection, chain),
    ]


async def _watermarks(connection: Connection) -> dict[str, int]:
    rows = await connection.fetch("SELECT program, event_sequence FROM watermarks")
    return {row["program"]: row["event_sequence"] for row in rows}
