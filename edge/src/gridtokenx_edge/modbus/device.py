"""One meter on a bus, read by its profile."""

import asyncio

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config.model import BusConfig
from gridtokenx_edge.errors import MeterError, MeterUnreachable
from gridtokenx_edge.meters import Block, Profile, Quantity, plan_blocks
from gridtokenx_edge.modbus.back_off import BackOff
from gridtokenx_edge.modbus.bus import Bus


class ModbusDevice:
    """Reads all registers of a profile; leaves a dead device alone for a while."""

    def __init__(self, bus: Bus, config: BusConfig, profile: Profile, clock: Clock) -> None:
        self._bus = bus
        self._config = config
        self._profile = profile
        self._blocks = plan_blocks(profile)
        self._clock = clock
        self._back_off = BackOff()

    async def read(self) -> dict[Quantity, bytes]:
        """Read the bytes of every quantity, as they are on the wire.

        Raises:
            MeterUnreachable: No connection, no reply, or still backing off.
            MeterReplyError: A reply that cannot be used.
        """
        wait_ms = self._back_off.wait_ms(self._clock.monotonic_ms())
        if wait_ms:
            raise MeterUnreachable("backing_off", f"did not answer; tried again in {wait_ms} ms")
        try:
            blocks = await self._read_blocks()
        except MeterError:
            self._back_off.failed(self._clock.monotonic_ms())
            raise
        self._back_off.succeeded()
        return {
            quantity: _cut(blocks, register.address, register.type.words)
            for quantity, register in self._profile.registers.items()
        }

    async def _read_blocks(self) -> dict[Block, bytes]:
        replies: dict[Block, bytes] = {}
        for block in self._blocks:
            if replies and self._profile.pause_ms:
                await asyncio.sleep(self._profile.pause_ms / 1000)
            replies[block] = await self._bus.read(self._config.unit, block, self._config.timeout_ms)
        return replies


def _cut(blocks: dict[Block, bytes], address: int, words: int) -> bytes:
    for block, data in blocks.items():
        if block.address <= address < block.address + block.count:
            start = 2 * (address - block.address)
            return data[start : start + 2 * words]
    raise AssertionError("the plan covers every register of its profile")
