"""One meter on a bus, read by its profile."""

import asyncio

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config.model import BusConfig
from gridtokenx_edge.errors import MeterError, MeterUnreachable
from gridtokenx_edge.meters import (
    Block,
    Profile,
    Quantity,
    cut_registers,
    locate,
    plan_blocks,
)
from gridtokenx_edge.modbus.back_off import BackOff
from gridtokenx_edge.modbus.bus import Bus


class ModbusDevice:
    """Reads all registers of a profile; leaves a dead device alone for a while."""

    def __init__(self, bus: Bus, config: BusConfig, profile: Profile, clock: Clock) -> None:
        self._bus = bus
        self._config = config
        self._profile = profile
        self._located: Profile | None = None
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
            if self._located is None:
                self._located = await locate(self._profile, self._read_block)
            registers = cut_registers(self._located, await self._read_blocks(self._located))
        except MeterError:
            self._located = None  # what comes back may be another device
            self._back_off.failed(self._clock.monotonic_ms())
            raise
        self._back_off.succeeded()
        return registers

    async def _read_blocks(self, profile: Profile) -> dict[Block, bytes]:
        replies: dict[Block, bytes] = {}
        for block in plan_blocks(profile):
            if replies and profile.pause_ms:
                await asyncio.sleep(profile.pause_ms / 1000)
            replies[block] = await self._read_block(block)
        return replies

    async def _read_block(self, block: Block) -> bytes:
        return await self._bus.read(self._config.unit, block, self._config.timeout_ms)
