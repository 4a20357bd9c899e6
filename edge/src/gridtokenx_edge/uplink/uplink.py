"""Delivers the readings of one meter until the hub has acknowledged them."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Final

import aiomqtt

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config.model import MeterConfig
from gridtokenx_edge.errors import SpoolError
from gridtokenx_edge.logs import RepeatFilter, event
from gridtokenx_edge.spool import AckOutcome, Pending, Spool, SpoolThread
from gridtokenx_edge.uplink.connection import make_client
from gridtokenx_edge.uplink.timing import UplinkTiming
from gridtokenx_edge.uplink.window import Window
from gridtokenx_protocol.ack import Ack, open_ack
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.topics import ack_topic, readings_topic

_LOGGER = logging.getLogger(__name__)
_QOS: Final = 1
_LOUD: Final = frozenset({AckOutcome.AHEAD, AckOutcome.OTHER_HASH, AckOutcome.IMPOSSIBLE})


class Uplink:
    """Publishes what the spool holds and applies the hub's acks.

    A PUBACK only says that the broker has a message. A reading is done with when a signed ack
    of the hub covers it; until then it is published again, after a while and after every new
    connection.

    Attributes:
        ack_known: Set once the hub's retained ack has been applied, or cannot be had now.
    """

    def __init__(
        self,
        config: MeterConfig,
        spool: Spool,
        thread: SpoolThread,
        clock: Clock,
        random: Random,
        timing: UplinkTiming,
    ) -> None:
        self._config = config
        self._spool = spool
        self._thread = thread
        self._clock = clock
        self._random = random
        self._timing = timing
        self._window = Window(timing.resend_after_s)
        self._wake = asyncio.Event()
        self._ack_came = asyncio.Event()
        self._repeats = RepeatFilter()
        self.ack_known = asyncio.Event()

    def wake(self) -> None:
        """Tell that readings were appended."""
        self._wake.set()

    async def run(self) -> None:
        """Connect and deliver, again and again, until cancelled.

        Raises:
            ConfigError: A TLS file cannot be used.
        """
        pause_s = self._timing.first_pause_s
        while True:
            client = make_client(self._config, self._timing)
            try:
                async with client:
                    pause_s = self._timing.first_pause_s
                    await self._serve(client)
            except* (aiomqtt.MqttError, SpoolError) as errors:
                self._log_fault(errors.exceptions[0])
            self.ack_known.set()
            await asyncio.sleep(pause_s * self._random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, self._timing.longest_pause_s)

    async def _serve(self, client: aiomqtt.Client) -> None:
        self._window.clear()
        self._ack_came.clear()
        await client.subscribe(ack_topic(self._config.id), qos=_QOS)
        if self._repeats.over():
            self._event(logging.INFO, "broker_again")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(client))
            tasks.create_task(self._send(client))

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            try:
                ack = self._open(message.payload)
            except ProtocolError as error:
                self._event(logging.WARNING, "ack_refused", message=str(error))
                continue
            await self._apply(ack)

    def _open(self, message: bytes) -> Ack:
        config = self._config
        ack = open_ack(message, config.ack_algorithm, config.ack_key)
        if ack.meter_id != config.id or ack.deployment != config.deployment:
            raise ProtocolError("it is for another meter or deployment")
        return ack

    async def _apply(self, ack: Ack) -> None:
        outcome = await self._thread.call(self._spool.apply_ack, ack, self._clock.now_ms())
        if outcome in _LOUD:
            self._event(logging.ERROR, f"ack_{outcome}", sequence=ack.sequence)
        if outcome is AckOutcome.NEW_EPOCH:
            self._event(logging.WARNING, "hub_restored", send_again_from=ack.sequence + 1)
            self._window.clear()
        self._window.forget(self._spool.acked_sequence)
        self._ack_came.set()
        self._wake.set()

    async def _send(self, client: aiomqtt.Client) -> None:
        # an old spool may hold what the hub knows otherwise: its ack keeps that from being sent
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.retained_ack_s):
                await self._ack_came.wait()
        self.ack_known.set()
        while True:
            self._wake.clear()
            batch = await self._next_batch()
            if batch:
                await self._publish(client, batch)
                continue
            patience_s = self._window.next_overdue_in(self._now_s())
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self._wake.wait()

    async def _next_batch(self) -> list[Pending]:
        window = self._window
        batch = []
        for sequence in window.overdue(self._now_s()):
            message = await self._thread.call(self._spool.message, sequence)
            if message is None:
                window.lost(sequence)
            else:
                batch.append(Pending(sequence, message))
        if window.room > 0:
            batch += await self._thread.call(self._spool.pending, window.highest, window.room)
        return batch

    async def _publish(self, client: aiomqtt.Client, batch: Sequence[Pending]) -> None:
        topic = readings_topic(self._config.id)
        async with asyncio.TaskGroup() as tasks:
            for reading in batch:
                self._window.sent(reading.sequence, self._now_s())
                tasks.create_task(client.publish(topic, reading.message, qos=_QOS))

    def _log_fault(self, error: Exception) -> None:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        reason = type(error).__name__
        if self._repeats.due(reason, self._clock.monotonic_ms()):
            self._event(logging.WARNING, "broker_lost", reason=reason, message=str(error))

    def _event(self, level: int, name: str, **fields: object) -> None:
        event(_LOGGER, level, name, meter=self._config.id.hex(), **fields)

    def _now_s(self) -> float:
        return self._clock.monotonic_ms() / 1000
