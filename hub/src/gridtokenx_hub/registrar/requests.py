"""How the API asks the registrar: a row in `registrar_requests`, and a word that it is there."""

import asyncio
from collections.abc import Mapping

import asyncpg
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature

from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.registrar.errors import RegistrarRefused, RegistrarUnavailable
from gridtokenx_hub.registrar.transactions import RegistrarTransactions

ASKED = "registrar_requests"
ANSWERED = "registrar_answers"
TIMEOUT_S = 5.0
LOOK_AGAIN_S = 0.5
"""A notice may be lost with its connection; the row is not."""

BY_CODE = (
    "INSERT INTO registrar_requests (code_id, message, evidence) VALUES ($1, $2, $3) RETURNING id"
)
BY_PROOF = (
    "INSERT INTO registrar_requests (meter_id, sequence, message) VALUES ($1, $2, $3) RETURNING id"
)
ABANDON = "UPDATE registrar_requests SET state = 'abandoned' WHERE id = $1 AND state = 'open'"
ANSWER = (
    "SELECT signature, error, detail FROM registrar_requests"
    " WHERE id = $1 AND state IN ('signed', 'refused')"
)


class RegistrarClient:
    """Asks for signatures.

    Args:
        pool: the database that both processes use.
        transactions: makes what is to be signed.
        timeout_s: how long an answer may take.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        transactions: RegistrarTransactions,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.transactions = transactions
        self._pool = pool
        self._timeout_s = timeout_s

    async def sign(
        self, code_id: int, message: Message | MessageV0, evidence: bytes | None
    ) -> Mapping[Pubkey, Signature]:
        """Return the registrar's signature of a transaction, under its address.

        Args:
            code_id: the row of `provisioning_codes` that allows it.
            message: the transaction's message.
            evidence: the reading that proves it, where one is needed.

        Raises:
            RegistrarRefused: it does not sign this.
            RegistrarUnavailable: it does not answer; it will not sign this later either.
        """
        return await self._ask(BY_CODE, code_id, to_bytes_versioned(message), evidence)

    async def sign_suspension(
        self, meter_id: bytes, sequence: int, message: Message | MessageV0
    ) -> Mapping[Pubkey, Signature]:
        """Return the registrar's signature of a suspension, under its address.

        Args:
            meter_id: the meter.
            sequence: of the readings in `equivocations` that are the proof.
            message: the transaction's message.

        Raises:
            RegistrarRefused, RegistrarUnavailable: as `sign`.
        """
        return await self._ask(BY_PROOF, meter_id, sequence, to_bytes_versioned(message))

    async def _ask(self, insert: str, *values: object) -> Mapping[Pubkey, Signature]:
        answered = asyncio.Event()

        def hear(*_notice: object) -> None:
            answered.set()

        async with self._pool.acquire() as connection:
            await connection.add_listener(ANSWERED, hear)
            try:
                request_id = await connection.fetchval(insert, *values)
                await connection.execute("SELECT pg_notify($1, '')", ASKED)
                signature = await self._wait(connection, request_id, answered)
            finally:
                await connection.remove_listener(ANSWERED, hear)
        return {self.transactions.registrar: signature}

    async def _wait(
        self, connection: Connection, request_id: int, answered: asyncio.Event
    ) -> Signature:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        while True:
            row = await connection.fetchrow(ANSWER, request_id)
            if row is not None:
                return _signature(row)
            left_s = deadline - loop.time()
            if left_s <= 0 and await connection.execute(ABANDON, request_id) == "UPDATE 1":
                raise RegistrarUnavailable("the registrar does not answer")
            try:
                async with asyncio.timeout(max(0.0, min(left_s, LOOK_AGAIN_S))):
                    await answered.wait()
            except TimeoutError:
                continue
            answered.clear()


def _signature(row: asyncpg.Record) -> Signature:
    if row["signature"] is None:
        raise RegistrarRefused(row["error"], row["detail"])
    return Signature.from_bytes(row["signature"])
