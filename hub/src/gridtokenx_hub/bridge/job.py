"""The job between the chains: listen to the bridge, carry signatures, follow what was sent."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import asyncpg

from gridtokenx_hub.bridge.bridge_contract import BridgeContract
from gridtokenx_hub.bridge.evm_client import EvmClient
from gridtokenx_hub.bridge.evm_sender import EvmSender
from gridtokenx_hub.bridge.listener import BridgeListener
from gridtokenx_hub.bridge.relay import Relay
from gridtokenx_hub.chain import ChainError, NodeListener
from gridtokenx_hub.leadership import Connection, Job, lead_rounds

SHORTEST_PAUSE_S = 0.2
"""Between two rounds, however fast the blocks come."""

log = logging.getLogger(__name__)


class BridgeJob:
    """Does rounds of this, as one process of all; each part goes on when another's chain is away.

    Args:
        pool: the hub's database.
        client: the EVM node.
        contract: the bridge there.
        genesis_hash: of the Solana chain that the bridge must belong to.
        listener: brings the bridge's events into the tables.
        sender: the hub's own EVM transactions.
        relay: carries signatures.
        heads: hears of new blocks, None where no websocket is known.
        poll_s: the longest pause between two rounds; a new block ends it early.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        client: EvmClient,
        contract: BridgeContract,
        genesis_hash: bytes,
        listener: BridgeListener,
        sender: EvmSender,
        relay: Relay,
        heads: NodeListener | None,
        poll_s: float,
    ) -> None:
        self._pool = pool
        self._client = client
        self._contract = contract
        self._genesis_hash = genesis_hash
        self._listener = listener
        self._sender = sender
        self._relay = relay
        self._heads = heads
        self._poll_s = poll_s
        self._woken = asyncio.Event()
        self._faults: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, through every outage."""
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._heads is not None:
                    tasks.create_task(self._heads.run(self._woken.set, stop))
                await lead_rounds(
                    self._pool, Job.BRIDGE, self.round, self._pause, self._poll_s, stop
                )
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()
        await self._relay.close()

    async def round(self, connection: Connection) -> None:
        """Do everything once."""
        await self._part("listening", lambda: self._listen(connection))
        await self._part("reservations", lambda: self._relay.end_reservations(connection))
        await self._part("releases", lambda: self._relay.release_payments(connection))

    async def _listen(self, connection: Connection) -> None:
        await self._contract.require_solana_chain(self._genesis_hash)
        await self._listener.follow(connection)
        await self._sender.follow_up(connection, await self._client.final_number())

    async def _part(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do one part; what stops it is told once, until it changes or is over."""
        fault = None
        try:
            await work()
        except ChainError as error:
            fault = str(error)
        if fault is None:
            if name in self._faults:
                log.info("bridge: %s goes on", name)
                del self._faults[name]
        elif self._faults.get(name) != fault:
            self._faults[name] = fault
            log.warning("bridge: %s waits: %s", name, fault)

    async def _pause(self) -> None:
        await asyncio.sleep(min(self._poll_s, SHORTEST_PAUSE_S))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll_s):
                await self._woken.wait()
        self._woken.clear()
