"""Modbus RTU: serial frames on a line that many meters share."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import Final

from gridtokenx_edge.errors import MeterError, MeterReplyError, MeterUnreachable
from gridtokenx_edge.meters.plan import Block
from gridtokenx_edge.modbus import rtu_frame
from gridtokenx_edge.modbus.links import Link
from gridtokenx_edge.modbus.outstanding import Outstanding
from gridtokenx_edge.modbus.reply import Reply, registers, wrong_length

_GAP_CHARACTERS: Final = 3.5
_SHORTEST_GAP_S: Final = 0.00175
_LONGEST_DRAIN: Final = 5
"""So many silences long a line may babble before it is given up for this turn."""


class RtuBus:
    """A line with one lock: whatever hangs on it answers one request at a time.

    After opening, and after a request without a good reply, the line must have been silent for
    a time-out, or the longest frame if that is longer, before the next request: what comes late
    then disturbs nobody. What comes even later is told from the reply to a later request
    (``Outstanding``).

    Args:
        name: For messages.
        link: What carries the frames.
        char_s: How long a character is on the line; 0 where a gateway sees to the pace.
    """

    def __init__(self, name: str, link: Link, char_s: float) -> None:
        self._name = name
        self._link = link
        self._char_s = char_s
        self._gap_s = max(_SHORTEST_GAP_S, _GAP_CHARACTERS * char_s)
        self._lock = asyncio.Lock()
        self._outstanding: defaultdict[int, Outstanding] = defaultdict(Outstanding)
        self._silence_s = self._gap_s
        self._silent_at = 0.0
        self.openings = 0

    async def read(self, unit: int, block: Block, timeout_ms: int) -> bytes:
        """See ``Bus.read``."""
        timeout_s = timeout_ms / 1000
        async with self._lock:
            while count := self._outstanding[unit].probe(block.count):
                await self._exchange(unit, replace(block, count=count), timeout_s)
            reply = await self._exchange(unit, block, timeout_s)
        return registers(reply, block)

    def close(self) -> None:
        """See ``Bus.close``."""
        self._link.close()

    async def _exchange(self, unit: int, block: Block, timeout_s: float) -> Reply:
        """One request and its reply, which has the right length or is an exception."""
        outstanding = self._outstanding[unit]
        await self._prepare(timeout_s)
        reply = None
        try:
            reply = await self._ask(unit, block, timeout_s)
        finally:
            if reply is None:
                outstanding.lost(block.count)
                self._disturbed(timeout_s)
        if reply.exception is not None:
            outstanding.refused(block.count)
            return reply
        outstanding.came(reply.count, block.count)
        if reply.count != block.count:
            self._disturbed(timeout_s)
            raise wrong_length(reply, block)
        return reply

    async def _prepare(self, timeout_s: float) -> None:
        """Open the line and wait until it is silent; what comes meanwhile is thrown away."""
        try:
            if await self._link.open(timeout_s):
                self.openings += 1
                self._disturbed(timeout_s)  # whoever had the line before may have asked something
        except OSError as error:
            raise self._gone() from error
        wait_s = max(self._gap_s, self._silent_at - asyncio.get_running_loop().time())
        longest_s = timeout_s + _LONGEST_DRAIN * self._silence_s
        try:
            async with asyncio.timeout(longest_s):
                while await self._comes_within(wait_s):
                    wait_s = self._silence_s
        except TimeoutError as error:
            raise MeterUnreachable(
                "line_not_silent", f"{self._name} is never silent; look for a second master"
            ) from error
        except OSError as error:
            raise self._gone() from error
        self._silence_s, self._silent_at = self._gap_s, 0.0

    async def _comes_within(self, wait_s: float) -> bool:
        """Whether bytes come; they are thrown away."""
        for patience_s in (wait_s, 0):  # a process that was held up finds them after the timer
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self._link.read()
                    return True
        return False

    async def _ask(self, unit: int, block: Block, timeout_s: float) -> Reply:
        request = rtu_frame.request(unit, block)
        characters = len(request) + rtu_frame.reply_size(block.count)
        data = b""
        try:
            self._link.write(request)
            async with asyncio.timeout(timeout_s + characters * self._char_s):
                while (lacking := rtu_frame.missing(data, block.function)) > 0:
                    data += await self._link.read()
        except TimeoutError as error:
            raise self._silent(unit, data) from error
        except OSError as error:
            raise self._gone() from error
        if lacking < 0:
            raise MeterReplyError(
                "wrong_length", f"unit {unit} at {self._name}: more came than a reply; check cable"
            )
        reply = rtu_frame.parse(data)
        if reply.unit != unit:
            raise MeterReplyError(
                "wrong_unit",
                f"unit {reply.unit} at {self._name} answers a request to {unit}; if it goes on,"
                " raise timeout_ms and give every meter its own address",
            )
        return reply

    def _disturbed(self, timeout_s: float) -> None:
        self._silence_s = max(timeout_s, rtu_frame.LONGEST * self._char_s)
        self._silent_at = asyncio.get_running_loop().time() + self._silence_s

    def _silent(self, unit: int, data: bytes) -> MeterError:
        if data:
            return MeterReplyError(
                "cut_off", f"unit {unit} at {self._name} stopped in mid-reply; check the cable"
            )
        return MeterUnreachable(
            "no_reply", f"unit {unit} at {self._name} does not answer; check power and cable"
        )

    def _gone(self) -> MeterError:
        self._link.close()
        return MeterUnreachable(
            "no_connection",
            f"cannot use {self._name}; check that it is there, that this user may use it (group"
            " dialout), and that nothing else does",
        )
