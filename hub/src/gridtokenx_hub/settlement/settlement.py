"""The settlement process: what is due is planned, sent, and followed to its end."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

import asyncpg
from solders.instruction import Instruction

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
from gridtokenx_hub.settlement.outbox import Sent, Waiting
from gridtokenx_hub.settlement.planner import plan
from gridtokenx_programs import Addresses, Program, signature_instruction

AT_ONCE = 64
COMPUTE_UNITS = 15_000  # three times the need: a cluster's token program may be the dearer one
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
        programs: Mapping[str, Program],
        addresses: Addresses,
        clock: Callable[[], int],
        period_s: int,
        poll_s: float,
    ) -> None:
        self._pool = pool
        self._client = client
        self._sender = sender
        self._programs = programs
        self._addresses = addresses
        self._clock = clock
        self._period_s = period_s
        self._poll_s = poll_s
        self._accounts = MeterAccounts(client, sender, programs, addresses)
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
        """Find out what became of the rows that were sent.

        The height is asked for first: what is unknown after it had passed can never come.
        """
        rows = await outbox.sent(connection)
        signatures = {row.tx_signature for row in rows}
        self._landed &= signatures
        self._prepared = {s: p for s, p in self._prepared.items() if s in signatures}
        rows = [row for row in rows if row.tx_signature not in self._landed]
        if not rows:
            return
        height = await self._client.block_height()
        statuses = await self._client.signature_statuses(
            [row.tx_signature for row in rows], search_history=True
        )
        for row, status in zip(rows, statuses, strict=True):
            await self._resolve_one(connection, row, status, height)

    async def _resolve_one(
        self, connection: Connection, row: Sent, status: SignatureStatus | None, height: int
    ) -> None:
        if status is None and height > row.last_valid_block_height:
            logger.info("settlement %s: %s expired", row.row_id, row.tx_signature)
            await outbox.mark_pending(connection, row)
        elif status is None:
            prepared = self._prepared.get(row.tx_signature)
            if prepared is not None:
                await self._client.send_raw(prepared.raw, preflight=False)
        elif status.is_confirmed:
            try:
                await self._sender.outcome(row.tx_signature)
            except TransactionRefused as refused:
                await self._judge(connection, row, refused)
            else:
                self._landed.add(row.tx_signature)  # the rest is the indexer's

    async def _send(self, connection: Connection) -> None:
        """Send what waits: first noted in the outbox, then handed to the chain."""
        accounts = await self._accounts.ensure(await outbox.waiting(connection, AT_ONCE))
        for row, refused in accounts.refused:
            logger.error("settlement: accounts of meter %s: %s", row.meter_id.hex(), refused)
            await outbox.mark_unopened(connection, row, refused.name)
        if accounts.ready:
            await self._send_all(connection, accounts.ready)

    async def _send_all(self, connection: Connection, ready: Sequence[Waiting]) -> None:
        prepared = await asyncio.gather(
            *(
                self._sender.prepare(self._instructions(row), compute_units=COMPUTE_UNITS)
                for row in ready
            )
        )
        rows = [
            Sent(
                row.row_id, row.meter_id, row.sequence, made.signature, made.last_valid_block_height
            )
            for row, made in zip(ready, prepared, strict=True)
        ]
        await outbox.mark_sent(connection, rows)
        self._prepared |= {made.signature: made for made in prepared}
        results = await asyncio.gather(
            *(self._sender.submit(made) for made in prepared), return_exceptions=True
        )
        await self._take_results(connection, rows, results)

    def _instructions(self, row: Waiting) -> list[Instruction]:
        """Return the proof of the device's signature and, directly behind it, the settlement."""
        addresses = self._addresses
        mint = addresses.energy_mint()
        accounts = {
            "config": addresses.energy_config(),
            "meter": addresses.meter(row.meter_id),
            "ledger": addresses.ledger(row.meter_id),
            "energy_mint": mint,
            "owner_token": addresses.associated_token(row.owner, mint),
        }
        return [
            signature_instruction(row.key_algorithm, row.public_key, row.signature, row.message),
            self._programs["energy_token"].instruction("settle_meter", {}, accounts),
        ]

    async def _take_results(
        self, connection: Connection, rows: Sequence[Sent], results: Sequence[BaseException | None]
    ) -> None:
        """Judge the refusals, then raise the first error that is none."""
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, TransactionRefused):
                await self._judge(connection, row, result)
        for result in results:
            if result is not None and not isinstance(result, TransactionRefused):
                raise result

    async def _judge(self, connection: Connection, row: Sent, refused: TransactionRefused) -> None:
        """Decide what a refusal means for the row.

        Raises:
            TransactionRefused: it says nothing of the reading, but that the hub cannot pay.
        """
        if refused.program is None and refused.code is None:
            await outbox.mark_pending(connection, row)
            raise refused
        if await self._settled_sequence(row) >= row.sequence:
            await outbox.mark_superseded(connection, row)
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
