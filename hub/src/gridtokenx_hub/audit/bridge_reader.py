"""Reads all that an audit looks at on the EVM chain, as it was at one block."""

from gridtokenx_hub.audit.bridge_state import BridgeState
from gridtokenx_hub.bridge.bridge_contract import BridgeContract
from gridtokenx_hub.bridge.bridge_events import Ended, Received, events_of
from gridtokenx_hub.bridge.evm_client import Block, EvmClient
from gridtokenx_hub.chain import ChainUnavailable, RequestRefused
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.settings import BridgeSettings

RANGE_BLOCKS = 1_000
"""So many are asked for at a time; fewer when the node refuses that."""


class BridgeReader:
    """Reads one bridge for an audit, with connections of its own.

    Args:
        chosen: where it is.
    """

    def __init__(self, chosen: BridgeSettings) -> None:
        self._id = chosen.id
        self._start_block = chosen.start_block
        self._client = EvmClient(chosen.rpc_url, chosen.chain_id, chosen.confirmations)
        self._contract = BridgeContract(self._client, chosen.id)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def read(self, connection: Connection, genesis_hash: bytes) -> BridgeState:
        """Return what the bridge was at the listener's block.

        Args:
            connection: the snapshot of the database that it is compared with.
            genesis_hash: of the Solana chain that the bridge must belong to.

        Raises:
            ChainUnavailable: the node does not answer, or not for this bridge.
            RequestRefused: it has no state of that block any more: the listener is far behind.
        """
        await self._contract.require_solana_chain(genesis_hash)
        mark = await connection.fetchrow(
            "SELECT number, hash FROM bridge_blocks ORDER BY number DESC LIMIT 1"
        )
        newest = await self._client.newest()
        block = newest if mark is None else await self._client.block(mark["number"]) or newest
        which = hex(block.number)
        held = await self._contract.micro_thbc_held(which)
        locked = await self._contract.micro_thbc_locked(which)
        received, endings = await self._payments(block.number)
        known = block.hash if mark is None else mark["hash"]
        return BridgeState(
            block.number,
            newest.number - block.number,
            not await self._is_still(block, known),
            held,
            locked,
            received,
            endings,
        )

    async def _is_still(self, block: Block, known: bytes) -> bool:
        """Return whether a block is the known one, and was so while the rest was read."""
        now = await self._client.block(block.number)
        return now is not None and now.hash == block.hash == known

    async def _payments(self, last: int) -> tuple[dict[str, Received], dict[str, list[str]]]:
        received: dict[str, Received] = {}
        endings: dict[str, list[str]] = {}
        first, blocks = self._start_block, RANGE_BLOCKS
        while first <= last:
            end = min(first + blocks - 1, last)
            try:
                logs = await self._client.logs(self._id.address, first, end)
            except RequestRefused as refused:
                if blocks == 1:
                    message = f"the EVM node gives no logs: {refused.message}"
                    raise ChainUnavailable(message) from refused
                blocks //= 2
                continue
            for event in events_of(logs):
                if isinstance(event, Ended):
                    endings.setdefault(str(event.reservation), []).append(event.state)
                else:
                    received[str(event.reservation)] = event
            first = end + 1
        return received, endings
