"""The job that expires orders and offers whose time is up, and closes those that are over."""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence

import asyncpg

from gridtokenx_hub.chain import ChainClient, ChainError, TransactionRefused, TransactionSender
from gridtokenx_hub.housekeeping.entries import Ending, Endings, expired, over
from gridtokenx_hub.leadership import Connection, Job, lead_rounds
from gridtokenx_programs import Addresses, Program

AT_ONCE = 120
IN_A_TRANSACTION = 6
"""As many as 1,232 bytes hold, each with four accounts of its own."""
UNITS_EACH = 8_000
AGAIN_AFTER = dt.timedelta(minutes=10)
"""What was done is in the tables by then; what was refused gets another try."""
TOO_EARLY = "TooEarly"

log = logging.getLogger(__name__)


class Housekeeping:
    """Gives back what lies in escrows whose time is up, and the rent of what is over.

    Anybody may do both on chain; among the hub's processes one does. To do it twice does no harm:
    the program refuses the second.

    Args:
        pool: the hub's database.
        client: the chain.
        sender: makes and sends transactions.
        programs: the programs by name.
        addresses: where their accounts are.
        clock: the present instant.
        poll_s: pause between two looks at the tables.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        client: ChainClient,
        sender: TransactionSender,
        programs: Mapping[str, Program],
        addresses: Addresses,
        clock: Callable[[], dt.datetime],
        poll_s: float,
    ) -> None:
        self._pool = pool
        self._sender = sender
        self._endings = Endings(client, programs["trading"], addresses)
        self._clock = clock
        self._poll_s = poll_s
        self._not_before: dict[str, dt.datetime] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, through every outage."""
        pause_s = self._poll_s
        await lead_rounds(
            self._pool, Job.HOUSEKEEPING, self._round, lambda: asyncio.sleep(pause_s), pause_s, stop
        )

    async def _round(self, connection: Connection) -> None:
        now = self._clock()
        self._not_before = {name: at for name, at in self._not_before.items() if at > now}
        try:
            due = await expired(connection, now, list(self._not_before), AT_ONCE)
            await self._do(await self._endings.expiries(due))
            due = await over(connection, now, list(self._not_before), AT_ONCE)
            await self._do(await self._endings.closings(due))
        except ChainError as error:
            log.warning("housekeeping: %s", error)

    async def _do(self, endings: Sequence[Ending]) -> None:
        """Send endings, a few in each transaction.

        Raises:
            ChainError: what has become of one is not known.
        """
        for start in range(0, len(endings), IN_A_TRANSACTION):
            batch = endings[start : start + IN_A_TRANSACTION]
            try:
                await self._send(batch)
            except TransactionRefused:  # one of them spoils it for all: each for itself
                for ending in batch:
                    await self._try(ending)

    async def _try(self, ending: Ending) -> None:
        try:
            await self._send([ending])
        except TransactionRefused as refused:
            if refused.name == TOO_EARLY:
                return  # the chain's clock is a little behind: in the next round
            log.info("housekeeping: %s: %s", ending.entry.address, refused)
            self._put_off([ending])

    async def _send(self, endings: Sequence[Ending]) -> None:
        await self._sender.send(
            [ending.instruction for ending in endings], compute_units=UNITS_EACH * len(endings)
        )
        self._put_off(endings)

    def _put_off(self, endings: Sequence[Ending]) -> None:
        again = self._clock() + AGAIN_AFTER
        self._not_before |= {str(ending.entry.address): again for ending in endings}
