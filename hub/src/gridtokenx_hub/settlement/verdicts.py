"""What a refused transaction means for each of its settlements."""

import logging
from collections.abc import Mapping, Sequence

from gridtokenx_hub.chain import INSTRUCTIONS_IN_FRONT, ChainClient, TransactionRefused
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.settlement import outbox
from gridtokenx_hub.settlement.instructions import INSTRUCTIONS_EACH
from gridtokenx_hub.settlement.outbox import Sent
from gridtokenx_programs import Addresses, Program

TIME_IN_FUTURE = "TimeInFuture"
"""No verdict on a reading: the chain's clock is behind the hub's, which took it as in time."""

logger = logging.getLogger(__name__)


class Verdicts:
    """Gives the settlement that a transaction failed for its verdict, and the others a new turn."""

    def __init__(
        self, client: ChainClient, programs: Mapping[str, Program], addresses: Addresses
    ) -> None:
        self._client = client
        self._programs = programs
        self._addresses = addresses

    async def judge(
        self, connection: Connection, rows: Sequence[Sent], refused: TransactionRefused
    ) -> None:
        """Decide what a refusal means for the rows of its transaction, all that are still sent.

        One that names no instruction says nothing of any reading, but that the hub cannot pay or
        the chain does not take the transaction as such: the rows have their turn again, the more
        seldom the oftener it happens.
        """
        if refused.instruction is None:
            logger.warning("settlement: %s; tried again", refused)
            await outbox.mark_pending(connection, rows, refused.name)
            return
        position = (refused.instruction - INSTRUCTIONS_IN_FRONT) // INSTRUCTIONS_EACH
        await outbox.mark_pending(connection, [row for row in rows if row.position != position])
        for row in rows:
            if row.position == position:
                await self._judge_one(connection, row, refused)

    async def _judge_one(
        self, connection: Connection, row: Sent, refused: TransactionRefused
    ) -> None:
        if await self._settled_sequence(row) >= row.sequence:
            await outbox.mark_superseded(connection, row)
            return
        if refused.name == TIME_IN_FUTURE:
            logger.warning("settlement: %s; tried again", refused)
            await outbox.mark_pending(connection, [row], refused.name)
            return
        logger.error("settlement %s of meter %s: %s", row.row_id, row.meter_id.hex(), refused)
        await outbox.mark_refused(connection, row, refused.name)

    async def _settled_sequence(self, row: Sent) -> int:
        account = await self._client.account(self._addresses.ledger(row.meter_id))
        if account is None or account.owner != self._addresses.energy_token:
            return 0
        ledger = self._programs["energy_token"].decode_account("Ledger", account.data)
        sequence: int = ledger["last_sequence"]
        return sequence
