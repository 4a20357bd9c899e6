"""One meter on a bus, read by its profile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config.model import BusConfig
from gridtokenx_edge.errors import MeterError, MeterUnreachable
from gridtokenx_edge.meters import (
    Block,
    Profile,
    Quantity,
    cut_registers,
    decode_identity,
    identity_block,
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
        self._failures = 0

    @property
    def losses(self) -> int:
        """Rises whenever another device may have taken this one's place unseen."""
        return self._failures + self._bus.openings

    async def read(self) -> dict[Quantity, bytes]:
        """Read the bytes of every quantity, as they are on the wire.

        Raises:
            MeterUnreachable: No connection, no reply, or still backing off.
            MeterReplyError: A reply that cannot be used.
        """
        async with self._located_profile() as profile:
            return cut_registers(profile, await self._read_blocks(profile))

    async def read_serial(self) -> str:
        """Read the serial number; call it only if the profile has an identity.

        Raises:
            MeterUnreachable: No connection, no reply, or still backing off.
            MeterReplyError: A reply that cannot be used.
            ReadingRefused: The meter shows no serial number.
        """
        async with self._located_profile() as profile:
            await asyncio.sleep(profile.pause_ms / 1000)
            block = identity_block(profile)
            if block is None:
                raise AssertionError("the settings refuse a serial number for such a profile")
            raw = await self._read_block(block)
        return decode_identity(self._profile, raw)

    @asynccontextmanager
    async def _located_profile(self) -> AsyncIterator[Profile]:
        """The profile with its addresses, for requests whose failure is taken note of."""
        wait_ms = self._back_off.wait_ms(self._clock.monotonic_ms())
        if wait_ms:
            raise MeterUnreachable("backing_off", f"did not answer; tried again in {wait_ms} ms")
        try:
            if self._located is None:
                self._located = await locate(self._profile, self._read_block)
            yield self._located
        except MeterError:
            self._located = None  # what comes back may be another device
            self._failures += 1
            self._back_off.failed(self._clock.monotonic_ms())
            raise
        self._back_off.succeeded()

    async def _read_blocks(self, profile: Profile) -> dict[Block, bytes]:
        replies: dict[Block, bytes] = {}
        for block in plan_blocks(profile):
            if replies and profile.pause_ms:
                await asyncio.sleep(profile.pause_ms / 1000)
            replies[block] = await self._read_block(block)
        return replies

    async def _read_block(self, block: Block) -> bytes:
        return await self._bus.read(self._config.unit, block, self._config.timeout_ms)
