"""The registrar's own process: takes requests, inspects them, signs or refuses."""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Mapping

import asyncpg
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.leadership import Connection, through_outages, until_stopped
from gridtokenx_hub.registrar.contradiction import check_contradiction
from gridtokenx_hub.registrar.errors import RegistrarRefused
from gridtokenx_hub.registrar.evidence import Evidence, open_evidence
from gridtokenx_hub.registrar.inspection import inspect
from gridtokenx_hub.registrar.mandate import Mandate, mandate_in_force
from gridtokenx_hub.registrar.requests import ANSWERED, ASKED
from gridtokenx_hub.registrar.transactions import RegistrarTransactions
from gridtokenx_programs import Addresses, Program
from gridtokenx_protocol.errors import ProtocolError

POLL_S = 1.0

NEXT = """
SELECT id, code_id, message, evidence, meter_id, sequence FROM registrar_requests
 WHERE state = 'open' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
SIGNED = (
    "UPDATE registrar_requests SET state = 'signed', signature = $2, answered_at = $3 WHERE id = $1"
)
REFUSED = (
    "UPDATE registrar_requests SET state = 'refused', error = $2, detail = $3, answered_at = $4"
    " WHERE id = $1"
)

log = logging.getLogger(__name__)


class Registrar:
    """Signs what mandates allow, and the suspension of meters that contradict themselves.

    A request that is answered is answered in the database transaction that took it: when this
    process dies in between, the request is open still and is taken again.

    Args:
        pool: the hub's database.
        key: the registrar's key; nothing else has it.
        programs: registry and energy_token among them.
        addresses: where their accounts are.
        clock: the present instant, timezone-aware.
        poll_s: how often it looks for requests that no notice told of.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        key: Keypair,
        programs: Mapping[str, Program],
        addresses: Addresses,
        clock: Callable[[], dt.datetime],
        poll_s: float = POLL_S,
    ) -> None:
        self._pool = pool
        self._key = key
        self._transactions = RegistrarTransactions(programs, addresses, key.pubkey())
        self._clock = clock
        self._poll_s = poll_s

    async def run(self, stop: asyncio.Event) -> None:
        """Answer requests until `stop` is set, through every outage of the database."""
        await until_stopped(stop, self._work())

    async def _work(self) -> None:
        async def listen() -> None:
            async with self._pool.acquire() as connection:
                await self._listen(connection)

        await through_outages("registrar: database", listen, self._poll_s)

    async def _listen(self, connection: Connection) -> None:
        asked = asyncio.Event()

        def hear(*_notice: object) -> None:
            asked.set()

        await connection.add_listener(ASKED, hear)
        try:
            while True:
                asked.clear()
                while await self.answer_one(connection):
                    pass
                try:
                    async with asyncio.timeout(self._poll_s):
                        await asked.wait()
                except TimeoutError:
                    continue
        finally:
            if not connection.is_closed():
                await connection.remove_listener(ASKED, hear)

    async def answer_one(self, connection: Connection) -> bool:
        """Answer the oldest open request; False when there is none."""
        async with connection.transaction():
            row = await connection.fetchrow(NEXT)
            if row is None:
                return False
            now = self._clock()
            try:
                allowed, cause = await self._allowed(connection, row, now)
                inspect(row["message"], allowed, cause, self._transactions.registrar)
            except RegistrarRefused as refused:
                log.warning("registrar: request %d refused: %s", row["id"], refused)
                await connection.execute(REFUSED, row["id"], refused.name, refused.detail, now)
            else:
                await connection.execute(SIGNED, row["id"], self._sign(row["message"]), now)
            await connection.execute("SELECT pg_notify($1, '')", ANSWERED)
        return True

    async def _allowed(
        self, connection: Connection, row: asyncpg.Record, now: dt.datetime
    ) -> tuple[Callable[[Pubkey], list[Instruction]], str]:
        """Return what may be signed for a request, made for a fee payer, and what allows it."""
        if row["code_id"] is None:
            await check_contradiction(connection, row["meter_id"], row["sequence"])
            suspension = self._transactions.suspend(row["meter_id"])
            return lambda _payer: suspension, "the proof of two readings"
        mandate = await mandate_in_force(connection, row["code_id"], now)
        evidence = _evidence(row, mandate)
        return (
            lambda payer: self._transactions.instructions(mandate, evidence, payer),
            f"the code for {mandate.purpose}",
        )

    def _sign(self, message: bytes) -> bytes:
        return bytes(self._key.sign_message(message))


def _evidence(row: asyncpg.Record, mandate: Mandate) -> Evidence | None:
    if row["evidence"] is None or mandate.key is None:
        return None
    try:
        return open_evidence(row["evidence"], mandate.key)
    except ProtocolError as error:
        raise RegistrarRefused(type(error).__name__, str(error)) from error
