"""Delivers the readings of one meter until the hub has acknowledged them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

import aiomqtt

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config.model import MeterConfig
from gridtokenx_edge.errors import KeyUnavailable, SpoolError
from gridtokenx_edge.logs import RepeatFilter, event
from gridtokenx_edge.spool import AckOutcome, Spool, SpoolThread
from gridtokenx_edge.uplink.connection import make_client
from gridtokenx_edge.uplink.inbox import Inbox
from gridtokenx_edge.uplink.outbox import Outbox
from gridtokenx_edge.uplink.presence import Presence
from gridtokenx_edge.uplink.timing import UplinkTiming
from gridtokenx_protocol.ack import Ack
from gridtokenx_protocol.command import Command, CommandKind
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.keys import Signer
from gridtokenx_protocol.topics import ack_topic, command_topic

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
        connected: Whether there is a connection to the broker.
        counts: How often things happened, for the health page.
    """

    def __init__(
        self,
        config: MeterConfig,
        spool: Spool,
        thread: SpoolThread,
        signer: Signer,
        clock: Clock,
        random: Random,
        timing: UplinkTiming,
        read_now: Callable[[], None],
    ) -> None:
        self._config = config
        self._spool = spool
        self._thread = thread
        self._clock = clock
        self._random = random
        self._timing = timing
        self._read_now = read_now
        self._inbox = Inbox(config)
        self._outbox = Outbox(config, spool, thread, signer, clock, timing)
        self._ack_came = asyncio.Event()
        self._repeats = RepeatFilter()
        self._unwritten = RepeatFilter()
        self.ack_known = asyncio.Event()
        self.connected = False
        self.counts: Counter[str] = self._outbox.counts

    def wake(self) -> None:
        """Tell that readings were appended."""
        self._outbox.wake()

    async def run(self) -> None:
        """Connect and deliver, again and again, until cancelled.

        Raises:
            ConfigError: A TLS file cannot be used.
        """
        pause_s = self._timing.first_pause_s
        while True:
            presence = Presence(self._config, self._spool, self._thread, self._clock.now_ms())
            try:
                async with make_client(self._config, self._timing, await presence.will()) as client:
                    pause_s = self._timing.first_pause_s
                    self.connected = True
                    await self._serve(client, presence)
            except* (aiomqtt.MqttError, SpoolError, KeyUnavailable) as errors:
                self._log_fault(errors.exceptions[0])
            finally:
                self.connected = False
            self.counts["connections_lost"] += 1
            self.ack_known.set()
            await asyncio.sleep(pause_s * self._random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, self._timing.longest_pause_s)

    async def _serve(self, client: aiomqtt.Client, presence: Presence) -> None:
        self._outbox.begin()
        self._ack_came.clear()
        await client.subscribe(ack_topic(self._config.id), qos=_QOS)
        await client.subscribe(command_topic(self._config.id), qos=_QOS)
        if self._repeats.over():
            self._event(logging.INFO, "broker_again")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._announce(client, presence))
                tasks.create_task(self._receive(client))
                tasks.create_task(self._send(client))
        except asyncio.CancelledError:
            # a broker that is gone tells of the death itself
            with suppress(TimeoutError, aiomqtt.MqttError):
                async with asyncio.timeout(self._timing.farewell_s):
                    await presence.tell(client, online=False)
            raise

    async def _announce(self, client: aiomqtt.Client, presence: Presence) -> None:
        while True:
            await presence.tell(client, online=True)
            await asyncio.sleep(self._timing.status_every_s)

    async def _receive(self, client: aiomqtt.Client) -> None:
        commands = command_topic(self._config.id)
        async for message in client.messages:
            kind = "command" if str(message.topic) == commands else "ack"
            try:
                if kind == "command":
                    command = self._inbox.command(message.payload, self._clock.now_ms())
                    await self._obey(command)
                else:
                    await self._apply(self._inbox.ack(message.payload))
            except ProtocolError as error:
                self.counts[f"{kind}s_refused"] += 1
                self._event(logging.WARNING, f"{kind}_refused", message=str(error))
            except SpoolError as error:
                # a full disk is no reason to hang up: the hub's next ack covers this one's readings
                self.counts["acks_not_written"] += 1
                if self._unwritten.due("spool", self._clock.monotonic_ms()):
                    self._event(logging.WARNING, "ack_not_written", message=str(error))

    async def _obey(self, command: Command) -> None:
        self.counts["commands"] += 1
        self._event(logging.INFO, "command", kind=command.kind.name.lower())
        if command.kind is CommandKind.READ_NOW:
            self._read_now()
        else:
            self._outbox.send_again(command.from_sequence)

    async def _apply(self, ack: Ack) -> None:
        outcome = await self._thread.call(self._spool.apply_ack, ack, self._clock.now_ms())
        self.counts["acks"] += 1
        self._unwritten.over()
        if outcome in _LOUD:
            self._event(logging.ERROR, f"ack_{outcome}", sequence=ack.sequence)
        if outcome is AckOutcome.NEW_EPOCH:
            self._event(logging.WARNING, "hub_restored", send_again_from=ack.sequence + 1)
            self._outbox.begin()
        self._outbox.forget(self._spool.acked_sequence)
        self._ack_came.set()

    async def _send(self, client: aiomqtt.Client) -> None:
        # an old spool may hold what the hub knows otherwise: its ack keeps that from being sent
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.retained_ack_s):
                await self._ack_came.wait()
        self.ack_known.set()
        await self._outbox.run(client)

    def _log_fault(self, error: Exception) -> None:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        reason = type(error).__name__
        if self._repeats.due(reason, self._clock.monotonic_ms()):
            self._event(logging.WARNING, "broker_lost", reason=reason, message=str(error))

    def _event(self, level: int, name: str, **fields: object) -> None:
        event(_LOGGER, level, name, meter=self._config.id.hex(), **fields)
