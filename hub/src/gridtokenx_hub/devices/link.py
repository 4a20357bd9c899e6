"""One connection to the broker for all devices' statuses and commands."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

import asyncpg
import mqtt5

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.devices import commands, statuses
from gridtokenx_hub.ingest.mqtt import MqttError, Session, connect
from gridtokenx_hub.leadership import Connection, Job, lead, through_outages, until_stopped
from gridtokenx_protocol.command import sign_command
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.keys import Signer
from gridtokenx_protocol.topics import command_topic

CLIENT_ID = "gtx-hub-devices"
STATUS_FILTER = "gtx/v1/+/status"
AT_ONCE = 1_000
COMMANDS_AT_ONCE = 100
UNSURE_LIMIT = 10_000
"""Statuses of QoS 0, which the broker does not hold back for us, wait up to this number."""
POLL_S = 0.5
RETRY_S = 1.0


class DeviceLink:
    """Writes down what devices say of themselves, and sends them the commands that wait.

    One process does; another takes over when it dies. A status is acknowledged to the broker when
    it is stored, so what waits in memory is bounded.

    Args:
        pool: the hub's database.
        broker: how to reach the broker.
        signer: the hub's key that devices have pinned.
        deployment: the deployment's 4 bytes.
        clock: Unix time in ms.

    Attributes:
        refused: statuses that were not taken, by reason.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        broker: BrokerSettings,
        signer: Signer,
        deployment: bytes,
        clock: Callable[[], int],
    ) -> None:
        self.refused: Counter[str] = Counter()
        self._pool = pool
        self._broker = broker
        self._signer = signer
        self._deployment = deployment
        self._clock = clock
        self._arrived: deque[mqtt5.PublishPacket] = deque()
        self._changed = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, through every outage of broker and database."""
        await until_stopped(stop, through_outages("devices", self._lead, RETRY_S))

    async def _lead(self) -> None:
        async with lead(self._pool, Job.DEVICES, RETRY_S) as connection:
            self._arrived.clear()
            session = await connect(self._broker, CLIENT_ID, self._on_messages, self._changed.set)
            try:
                await session.subscribe(STATUS_FILTER)
                while not session.closed:
                    self._changed.clear()
                    await self._store(connection, session)
                    await self._send(connection, session)
                    await self._pause()
                raise MqttError(session.reason)
            finally:
                session.disconnect()

    def _on_messages(self, _: Session, packets: list[mqtt5.PublishPacket]) -> None:
        for packet in packets:
            if packet.packet_id is None and len(self._arrived) >= UNSURE_LIMIT:
                self.refused["too_many"] += 1
            else:
                self._arrived.append(packet)
        self._changed.set()

    async def _store(self, connection: Connection, session: Session) -> None:
        while self._arrived:
            batch = [self._arrived.popleft() for _ in range(min(AT_ONCE, len(self._arrived)))]
            found = []
            for packet in batch:
                try:
                    found.append(
                        statuses.read_status(packet.topic, packet.payload, self._deployment)
                    )
                except ProtocolError as error:
                    self.refused[error.reason] += 1
            await statuses.store(connection, statuses.newest(found), self._clock())
            session.acknowledge(packet.packet_id for packet in batch if packet.packet_id)

    async def _send(self, connection: Connection, session: Session) -> None:
        waiting = await commands.unsent(
            connection, self._deployment, self._clock(), COMMANDS_AT_ONCE
        )
        for command in waiting:
            while not session.has_room and not session.closed:
                await self._pause()
            message = sign_command(command, self._signer)
            session.publish(command_topic(command.meter_id), message, retain=False)
        while waiting and not session.idle and not session.closed:
            await self._pause()
        if waiting and session.idle:
            await commands.mark_sent(connection, waiting, self._clock())

    async def _pause(self) -> None:
        """Wait for news of the broker, or for the time to look into the outbox again."""
        try:
            async with asyncio.timeout(POLL_S):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()
