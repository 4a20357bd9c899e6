"""A settlement process that is killed: `doomed.py MOMENT DATABASE RPC KEYS TABLE-AUTHORITY`."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from solders.keypair import Keypair

from gridtokenx_hub.chain import ChainClient, FeePayerPool, PreparedTransaction, TransactionSender
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.keys import load_role_keys
from gridtokenx_hub.settlement import Settlement
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load

SETTLING_MOMENTS = (
    "settlement prepared",  # the outbox is not written
    "settlement noted",  # the outbox is written, nothing is sent
    "settlement submitted",  # the chain has it, nobody has looked
)
TABLE_MOMENTS = (
    "table chosen",  # its address is known, the note is not written
    "table noted",  # the note is written, nothing is sent
    "table made",  # the chain has it with its first addresses
    "table extended",  # the chain has the others too
)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DoomedClient(ChainClient):
    moment = ""

    async def final_slot(self) -> int:
        slot = await super().final_slot()
        if self.moment == "table chosen":
            die()
        return slot


class DoomedSender(TransactionSender):
    """Kills the process at its moment."""

    moment = ""
    table_steps = 0

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._kinds: dict[str, str] = {}

    async def prepare(
        self, instructions: Any, signers: Sequence[Any] = (), **options: Any
    ) -> PreparedTransaction:
        kind = "table" if signers else "accounts" if callable(instructions) else "settlement"
        if (kind, self.moment) == ("table", "table noted"):
            die()
        prepared = await super().prepare(instructions, signers, **options)
        if (kind, self.moment) == ("settlement", "settlement prepared"):
            die()
        self._kinds[prepared.signature] = kind
        return prepared

    async def submit(self, prepared: PreparedTransaction) -> None:
        kind = self._kinds[prepared.signature]
        if (kind, self.moment) == ("settlement", "settlement noted"):
            die()
        await super().submit(prepared)
        if (kind, self.moment) == ("settlement", "settlement submitted"):
            die()
        if kind == "table":
            self.table_steps += 1
            if self.moment == ("", "table made", "table extended")[self.table_steps]:
                die()


async def main(
    moment: str, database_url: str, rpc_url: str, keys_folder: str, authority: str
) -> None:
    pool, client = await open_pool(database_url), DoomedClient(rpc_url)
    programs = {name: load(name) for name in PROGRAM_NAMES}
    addresses = Addresses(*(program.id for program in programs.values()))
    keys = load_role_keys(Path(keys_folder), 2)
    sender = DoomedSender(client, FeePayerPool(keys.fee_payers), programs)
    client.moment = sender.moment = moment
    settlement = Settlement(
        pool,
        client,
        sender,
        Keypair.from_base58_string(authority),
        programs,
        addresses,
        lambda: int(time.time() * 1000),
        1,
        0.02,
    )
    await settlement.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
