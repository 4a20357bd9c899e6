"""A settlement process that is killed at a given moment: `doomed.py MOMENT DATABASE RPC KEYS`."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from solders.instruction import Instruction

from gridtokenx_hub.chain import ChainClient, FeePayerPool, PreparedTransaction, TransactionSender
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.keys import load_role_keys
from gridtokenx_hub.settlement import Settlement
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DoomedSender(TransactionSender):
    """Kills the process before the outbox is written, before sending, or after it."""

    moment = ""

    async def prepare(
        self, instructions: Any, signers: Sequence[Any] = (), *, compute_units: int = 200_000
    ) -> PreparedTransaction:
        prepared = await super().prepare(instructions, signers, compute_units=compute_units)
        settles = isinstance(instructions, list) and isinstance(instructions[-1], Instruction)
        if self.moment == "prepared" and settles:
            die()
        return prepared

    async def submit(self, prepared: PreparedTransaction) -> None:
        if self.moment == "noted":
            die()
        await super().submit(prepared)
        die()


async def main(moment: str, database_url: str, rpc_url: str, keys_folder: str) -> None:
    pool, client = await open_pool(database_url), ChainClient(rpc_url)
    programs = {name: load(name) for name in PROGRAM_NAMES}
    addresses = Addresses(*(program.id for program in programs.values()))
    fee_payers = FeePayerPool(load_role_keys(Path(keys_folder), 2).fee_payers)
    sender = DoomedSender(client, fee_payers, programs)
    sender.moment = moment
    settlement = Settlement(
        pool, client, sender, programs, addresses, lambda: int(time.time() * 1000), 1, 0.02
    )
    await settlement.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
