"""Keeps the journal up to the newest final block."""

import logging
from dataclasses import dataclass

from gridtokenx_guardian.errors import EndpointNonsense
from gridtokenx_guardian.evm.bridge import Bridge
from gridtokenx_guardian.facts import Block
from gridtokenx_guardian.following.journal import Journal

RANGE = 1000
"""So many blocks are asked for at a time: nodes refuse questions about too many."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Follower:
    """Follows a bridge from its `start_block` on."""

    bridge: Bridge
    journal: Journal
    start_block: int

    async def follow(self, newest: Block) -> None:
        """Bring the journal up to this final block.

        Raises:
            EndpointError: the endpoint cannot be believed; the journal has what came before.
        """
        first = await self._resume(newest)
        while first <= newest.number:
            last = min(first + RANGE - 1, newest.number)
            payments = await self.bridge.payments_received(first, last)
            self.journal.advance(await self._block(last, newest), payments)
            first = last + 1

    async def _resume(self, newest: Block) -> int:
        """Return the first block that was not seen, on the chain as it is now."""
        marks = self.journal.marks()
        for mark in marks:
            if mark.number > newest.number:
                continue
            block = newest if mark.number == newest.number else await self.bridge.block(mark.number)
            if block is not None and block.hash == mark.hash:
                break
        else:
            mark = None
        number = self.start_block - 1 if mark is None else mark.number
        if marks and marks[0].number != number:
            _log.warning("reorg: going back from block %d to %d", marks[0].number, number)
            self.journal.rewind(number)
        return number + 1

    async def _block(self, number: int, newest: Block) -> Block:
        block = newest if number == newest.number else await self.bridge.block(number)
        if block is None:
            raise EndpointNonsense("evm", f"block {number} is below the final one, and gone")
        return block
