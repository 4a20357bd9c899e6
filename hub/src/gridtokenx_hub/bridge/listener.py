"""Brings the bridge's events into `payments`, block by block, and back when a reorg takes them."""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence

from gridtokenx_hub.bridge.bridge_events import Ended, Received, events_of
from gridtokenx_hub.bridge.evm_client import Block, EvmClient, Log
from gridtokenx_hub.chain import ChainUnavailable, RequestRefused
from gridtokenx_hub.leadership import Connection
from gridtokenx_programs.evm import BridgeId

RANGE_BLOCKS = 1_000
"""So many are asked for at a time; fewer when the node refuses that."""

_RECEIVE = """
INSERT INTO payments (reservation_id, payer, buyer_wallet, micro_thbc, pay_deadline, state,
                      block_number, evm_transaction, paid_at)
VALUES ($1, $2, $3, $4, $5, 'locked', $6, $7, $8) ON CONFLICT (reservation_id) DO NOTHING
"""
_END = """
UPDATE payments SET state = $2, ended_block = $3, ended_transaction = $4, ended_at = $5
 WHERE reservation_id = $1
"""
_NOT_ENDED = """
UPDATE payments SET state = 'locked', ended_block = NULL, ended_transaction = NULL, ended_at = NULL
 WHERE ended_block > $1
"""
_FORGET_MARKS = """
DELETE FROM bridge_blocks
 WHERE number < (SELECT max(number) FROM bridge_blocks WHERE number <= $1)
"""

log = logging.getLogger(__name__)


class BridgeListener:
    """Follows one bridge.

    The newest row of `bridge_blocks` is the cursor: up to it, `payments` is what the chain says.
    Rows and cursor change together. Older rows, down to a final one, are where a reorg may begin.

    Args:
        client: the node.
        bridge: which contract is followed.
        start_block: the first block that is looked at.
    """

    def __init__(self, client: EvmClient, bridge: BridgeId, start_block: int) -> None:
        self._client = client
        self._contract = bridge.address
        self._start_block = start_block
        self._range_blocks = RANGE_BLOCKS

    async def follow(self, connection: Connection) -> None:
        """Bring the tables up to the newest block.

        Raises:
            ChainUnavailable: the node does not answer, or changed its mind meanwhile; the tables
                have what came before.
        """
        newest = await self._client.newest()
        cursor = await self._resume(connection, newest)
        while cursor is None or cursor.number < newest.number:
            cursor = await self._advance(connection, cursor, newest)

    async def _resume(self, connection: Connection, newest: Block) -> Block | None:
        """Return the last block that is in the tables and still of the chain; go back to it."""
        marks = await connection.fetch("SELECT number, hash FROM bridge_blocks ORDER BY 1 DESC")
        cursor = None
        for mark in marks:
            block = await self._client.block(mark["number"])
            if block is not None and block.hash == mark["hash"]:
                cursor = block
                break
        number = -1 if cursor is None else cursor.number
        if marks and marks[0]["number"] != number:
            log.warning("bridge: reorg, back from block %d to %d", marks[0]["number"], number)
            await _go_back(connection, number)
        return cursor

    async def _advance(
        self, connection: Connection, cursor: Block | None, newest: Block
    ) -> Block | None:
        """Take in the next blocks; return the cursor, where it was if the node refused so many."""
        first = self._start_block if cursor is None else cursor.number + 1
        end = await self._block(min(first + self._range_blocks - 1, max(first, newest.number)))
        logs = await self._logs(first, end.number)
        if logs is None:
            return cursor
        # Asked again after the logs: they are those of one chain, which goes on from the cursor.
        if cursor is not None and (await self._block(cursor.number)).hash != cursor.hash:
            raise ChainUnavailable("the EVM chain was reorganised meanwhile")
        if (await self._block(end.number)).hash != end.hash:
            raise ChainUnavailable("the EVM chain was reorganised meanwhile")
        events = events_of(logs)
        times = {event.block_number: await self._time(event.block_number) for event in events}
        final_number = await self._client.final_number()
        async with connection.transaction():
            await _apply(connection, events, times)
            await connection.execute(
                "INSERT INTO bridge_blocks VALUES ($1, $2)", end.number, end.hash
            )
            await connection.execute(_FORGET_MARKS, final_number)
        return end

    async def _logs(self, first: int, last: int) -> list[Log] | None:
        """Return the logs; None when they are too many for the node, which is then asked less."""
        try:
            logs = await self._client.logs(self._contract, first, last)
        except RequestRefused as refused:
            if self._range_blocks == 1:
                raise ChainUnavailable(f"the EVM node gives no logs: {refused}") from refused
            self._range_blocks //= 2
            return None
        return logs

    async def _time(self, number: int) -> dt.datetime:
        return dt.datetime.fromtimestamp((await self._block(number)).time_s, dt.UTC)

    async def _block(self, number: int) -> Block:
        block = await self._client.block(number)
        if block is None:
            raise ChainUnavailable(f"EVM block {number} is gone")
        return block


async def _go_back(connection: Connection, number: int) -> None:
    """What happened after this block never did."""
    async with connection.transaction():
        await connection.execute("DELETE FROM bridge_blocks WHERE number > $1", number)
        await connection.execute("DELETE FROM payments WHERE block_number > $1", number)
        await connection.execute(_NOT_ENDED, number)


async def _apply(
    connection: Connection,
    events: Sequence[Received | Ended],
    times: Mapping[int, dt.datetime],
) -> None:
    for event in events:
        at = times[event.block_number]
        reservation = str(event.reservation)
        if isinstance(event, Received):
            deadline = dt.datetime.fromtimestamp(event.deadline_s, dt.UTC)
            await connection.execute(
                _RECEIVE,
                reservation,
                event.payer,
                str(event.wallet),
                event.micro_thbc,
                deadline,
                event.block_number,
                event.transaction,
                at,
            )
        else:
            await connection.execute(
                _END, reservation, event.state, event.block_number, event.transaction, at
            )
