"""The settlement process: what is due is planned, sent, and followed to its end."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import asyncpg
from solders.keypair import Keypair

from gridtokenx_hub.chain import (
    ChainClient,
    ChainError,
    PreparedTransaction,
    SignatureStatus,
    TransactionRefused,
    TransactionSender,
)
from gridtokenx_hub.leadership import Connection, Job, lead_rounds
from gridtokenx_hub.settlement import outbox
from gridtokenx_hub.settlement.accounts import MeterAccounts
from gridtokenx_hub.settlement.instructions import SettleMeter
from gridtokenx_hub.settlement.outbox import Sent
from gridtokenx_hub.settlement.packing import WITHOUT_TABLES, Batch, pack
from gridtokenx_hub.settlement.planner import plan
from gridtokenx_hub.settlement.tables import SettlementTables
from gridtokenx_hub.settlement.verdicts import Verdicts
from gridtokenx_programs import Addresses, Program

AT_ONCE = 60  # whole transactions, of two and of three
LONGEST_PAUSE_S = 60.0

logger = logging.getLogger(__name__)


class Settlement:
    """Settles on chain what the meters' readings say.

    A transaction may be made twice, its effect happens once: the program takes each meter's
    sequences in rising order only. What is sent is in the outbox before it is sent, so a process
    that is killed at any point is resumed by the next one.

    Args:
        pool: the hub's database.
        client: the chain.
        sender: makes and sends transactions.
        table_authority: the key that owns the lookup tables.
        programs: the programs by name.
        addresses: where their accounts are.
        clock: the present instant, Unix ms.
        period_s: least time between two settled readings of a meter.
        poll_s: pause between two looks at the outbox.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        client: ChainClient,
        sender: TransactionSender,
        table_authority: Keypair,
        programs: Mapping[str, Program],
        addresses: Addresses,
        clock: Callable[[], int],
        period_s: int,
        poll_s: float,
    ) -> None:
        self._pool = pool
        self._client = client
        self._sender = sender
        self._clock = clock
        self._period_s = period_s
        self._poll_s = poll_s
        self._accounts = MeterAccounts(client, sender, programs, addresses)
        self._settle_meter = SettleMeter(programs, addresses)
        self._tables = SettlementTables(
            client, sender, table_authority, self._settle_meter.shared_accounts()
        )
        self._verdicts = Verdicts(client, programs, addresses)
        self._failures = 0
        self._prepared: dict[str, PreparedTransaction] = {}
        self._landed: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Settle until `stop` is set; while the chain is away, with growing pauses."""
        await lead_rounds(self._pool, Job.SETTLEMENT, self._round, self._pause, self._poll_s, stop)

    async def _round(self, connection: Connection) -> None:
        try:
            await self._resolve(connection)
            await plan(connection, self._period_s, self._clock())
            await self._send(connection)
        except ChainError as error:
            self._failures += 1
            logger.warning("settlement: %s", error)
        else:
            self._failures = 0

    async def _pause(self) -> None:
        await asyncio.sleep(min(self._poll_s * 2 ** min(self._failures, 16), LONGEST_PAUSE_S))

    async def _resolve(self, connection: Connection) -> None:
        """Find out what became of the transactions that were sent.

        The height is asked for first: what is unknown after it had passed can never come.
        """
        transactions: defaultdict[str, list[Sent]] = defaultdict(list)
        for row in await outbox.sent(connection):
            transactions[row.tx_signature].append(row)
        self._landed &= transactions.keys()
        self._prepared = {s: p for s, p in self._prepared.items() if s in transactions}
        asked = [signature for signature in transactions if signature not in self._landed]
        if not asked:
            return
        height = await self._client.block_height()
        statuses = await self._client.signature_statuses(asked, search_history=True)
        for signature, status in zip(asked, statuses, strict=True):
            await self._resolve_one(connection, transactions[signature], status, height)

    async def _resolve_one(
        self,
        connection: Connection,
        rows: Sequence[Sent],
        status: SignatureStatus | None,
        height: int,
    ) -> None:
        """Do what the status of a transaction asks for; `rows` are those that it is to settle."""
        signature = rows[0].tx_signature
        if status is None and height > rows[0].last_valid_block_height:
            logger.info("settlement: %s expired", signature)
            await outbox.mark_pending(connection, rows)
        elif status is None:
            prepared = self._prepared.get(signature)
            if prepared is not None:
                await self._client.send_raw(prepared.raw, preflight=False)
        elif status.is_confirmed:
            try:
                await self._sender.outcome(signature)
            except TransactionRefused as refused:
                await self._verdicts.judge(connection, rows, refused)
            else:
                self._landed.add(signature)  # the rest is the indexer's

    async def _send(self, connection: Connection) -> None:
        """Send what waits: first noted in the outbox, then handed to the chain."""
        accounts = await self._accounts.ensure(await outbox.waiting(connection, AT_ONCE))
        for row, refused in accounts.refused:
            logger.error("settlement: accounts of meter %s: %s", row.meter_id.hex(), refused)
            if refused.program is None:
                await outbox.mark_delayed(connection, row, refused.name)
            else:
                await outbox.mark_unopened(connection, row, refused.name)
        rows = accounts.ready
        if len(rows) <= WITHOUT_TABLES:
            await self._send_all(connection, pack(rows, {}, self._settle_meter.instructions))
            return
        wanted = {row.row_id: self._settle_meter.own_accounts(row) for row in rows}
        tables = await self._tables.find(connection, wanted)
        await self._send_all(connection, pack(rows, tables, self._settle_meter.instructions))
        missing = {row_id: wanted[row_id] for row_id in wanted.keys() - tables.keys()}
        if missing:
            await self._tables.fill(connection, missing)

    async def _send_all(self, connection: Connection, batches: Sequence[Batch]) -> None:
        prepared = await asyncio.gather(
            *(
                self._sender.prepare(
                    batch.instructions, compute_units=batch.compute_units, tables=batch.tables
                )
                for batch in batches
            )
        )
        sent = [_sent(batch, made) for batch, made in zip(batches, prepared, strict=True)]
        await outbox.mark_sent(connection, [row for rows in sent for row in rows])
        self._prepared |= {made.signature: made for made in prepared}
        results = await asyncio.gather(
            *(self._sender.submit(made) for made in prepared), return_exceptions=True
        )
        await self._take_results(connection, sent, results)

    async def _take_results(
        self,
        connection: Connection,
        sent: Sequence[Sequence[Sent]],
        results: Sequence[BaseException | None],
    ) -> None:
        """Judge the refusals, then raise the first error that is no verdict."""
        errors = []
        for rows, result in zip(sent, results, strict=True):
            try:
                if isinstance(result, TransactionRefused):
                    await self._verdicts.judge(connection, rows, result)
                elif result is not None:
                    raise result
            except ChainError as error:
                errors.append(error)
        if errors:
            raise errors[0]


def _sent(batch: Batch, made: PreparedTransaction) -> list[Sent]:
    """Return the rows of a transaction as they are noted."""
    return [
        Sent(
            row.row_id,
            row.meter_id,
            row.sequence,
            made.signature,
            position,
            made.last_valid_block_height,
        )
        for position, row in enumerate(batch.rows)
    ]
