"""Which events are final, and which of those that were not have vanished with a fork."""

from dataclasses import dataclass

from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.indexer.errors import Retracted
from gridtokenx_hub.leadership import Connection

AT_ONCE = 5_000

IS_PROVISIONAL = "SELECT EXISTS (SELECT FROM events WHERE program = $1 AND NOT final)"
DUE = """
SELECT sequence, slot, tx_signature FROM events
WHERE program = $1 AND NOT final AND slot <= $2 ORDER BY sequence LIMIT $3
"""
PROMOTE = "UPDATE events SET final = true WHERE program = $1 AND sequence = ANY($2::bigint[])"


@dataclass(frozen=True, slots=True)
class _Due:
    sequence: int
    slot: int
    tx_signature: str


async def promote(connection: Connection, client: ChainClient, program: str) -> bool:
    """Promote the provisional events of a program that have become final.

    Returns:
        False if there were none: all that is in its tables is final.

    Raises:
        Retracted: a transaction is not where it was when its slot became final; what came before
            it is promoted.
        ChainUnavailable: the node does not answer.
    """
    if not await connection.fetchval(IS_PROVISIONAL, program):
        return False
    final_slot = await client.final_slot()
    due = [_Due(*row) for row in await connection.fetch(DUE, program, final_slot, AT_ONCE)]
    signatures = list(dict.fromkeys(event.tx_signature for event in due))
    statuses = dict(
        zip(
            signatures,
            await client.signature_statuses(signatures, search_history=True),
            strict=True,
        )
    )
    promoted, vanished = [], None
    for event in due:
        status = statuses[event.tx_signature]
        if status is not None and status.slot == event.slot and status.error is None:
            if status.commitment == "finalized":
                promoted.append(event.sequence)
        elif await _has_vanished(client, event):
            vanished = event
            break
    await connection.execute(PROMOTE, program, promoted)
    if vanished is not None:
        raise Retracted(program, vanished.sequence, vanished.tx_signature)
    return True


async def _has_vanished(client: ChainClient, event: _Due) -> bool:
    """Look a second time, in another way: behind one address there may be nodes that lag."""
    transaction = await client.transaction(event.tx_signature)
    return transaction is None or transaction.slot != event.slot
