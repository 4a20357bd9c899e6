"""From the broker to the database and back: verify, dedup, commit in batches, then acknowledge."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import asyncpg
import mqtt5

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.database import ensure_partitions
from gridtokenx_hub.deployment import join_deployment
from gridtokenx_hub.ingest.acks import AckPublisher
from gridtokenx_hub.ingest.backlog import Backlog
from gridtokenx_hub.ingest.budget import QuarantineBudget
from gridtokenx_hub.ingest.counters import Counters
from gridtokenx_hub.ingest.examine import Opened, examine, open_message
from gridtokenx_hub.ingest.gate import FloodGate
from gridtokenx_hub.ingest.keyring import Keyring
from gridtokenx_hub.ingest.model import Item, Refused, Verified
from gridtokenx_hub.ingest.mqtt import MqttError, Session, connect
from gridtokenx_hub.ingest.retry import until_done
from gridtokenx_hub.ingest.store import Outcome, acknowledged, commit
from gridtokenx_hub.leadership import until_stopped
from gridtokenx_hub.monitoring.instruments import INGEST_BATCH, INGEST_LATENCY
from gridtokenx_protocol.keys import Signer
from gridtokenx_protocol.topics import READINGS_FILTER

SHARED_FILTER = f"$share/hub/{READINGS_FILTER}"
EXAMINED_AT_ONCE = 128
"""Then the loop may read from the broker and the database again."""
COMMITTED_AT_ONCE = 1000
UNSURE_LIMIT = 10_000
"""Messages of QoS 0, which the broker does not hold back for us, wait up to this number."""
RECONNECT_PAUSES_S = (0.1, 0.5, 2.0, 5.0)
LASTING_S = 10
"""A connection that ends sooner has failed: two hubs of one name would push each other out."""
PARTITIONS_EVERY_S = 3600
UNSTORABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)

log = logging.getLogger(__name__)


_Delivery: TypeAlias = tuple[Session, mqtt5.PublishPacket, int]
"""A message on its way through: the connection that its PUBACK goes to, and when it came, in ms."""


class Ingest:
    """Takes readings from the broker into the database and answers with signed acks.

    Several may run at once, in one process or several, each with a `worker` name of its own: the
    broker deals the messages out among them.

    Args:
        pool: The hub's database.
        broker: How to reach the broker.
        ack_signer: The hub's key that devices have pinned.
        deployment: The deployment's 4 bytes.
        clock: Unix time in ms.
        worker: Name of this worker, the same after a restart.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        broker: BrokerSettings,
        ack_signer: Signer,
        deployment: bytes,
        clock: Callable[[], int],
        worker: str = "1",
    ) -> None:
        self.counters = Counters()
        self._pool = pool
        self._broker = broker
        self._deployment = deployment
        self._clock = clock
        self._client_id = f"gtx-hub-ingest-{worker}"
        self._keys = Keyring(pool)
        self._budget = QuarantineBudget(clock)
        self._gate = FloodGate()
        self._acks = AckPublisher(ack_signer, deployment, clock, self.counters)
        self._arrived: Backlog[_Delivery] = Backlog()
        self._examined: Backlog[tuple[_Delivery, Item]] = Backlog()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, through every outage of broker and database.

        To be stopped is to be cancelled, wherever the work is: as safe as to be killed.

        Raises:
            ExceptionGroup: with `WrongDeployment`: the database is another deployment's.
        """
        await until_stopped(stop, self._work())

    async def _work(self) -> None:
        epoch = await until_done(
            lambda: join_deployment(self._pool, self._deployment), self.counters
        )
        await self._make_partitions()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stay_connected(epoch))
            tasks.create_task(self._examine_all())
            tasks.create_task(self._commit_all())
            tasks.create_task(self._keep_partitions())

    async def _make_partitions(self) -> None:
        await until_done(lambda: ensure_partitions(self._pool, self._clock()), self.counters)

    async def _keep_partitions(self) -> None:
        while True:
            await asyncio.sleep(PARTITIONS_EVERY_S)
            await self._make_partitions()

    async def _stay_connected(self, epoch: int) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                await self._connected(epoch)
            except OSError as error:
                failures = 0 if loop.time() - began > LASTING_S else failures + 1
                pause_s = RECONNECT_PAUSES_S[min(failures, len(RECONNECT_PAUSES_S) - 1)]
                log.warning("broker: %r; next try in %s s", error, pause_s)
                await asyncio.sleep(pause_s)

    async def _connected(self, epoch: int) -> None:
        """Be connected once.

        Raises:
            OSError: always in the end, with the reason: not reached, refused, cut off.
        """
        session = await connect(self._broker, self._client_id, self._on_messages, self._acks.wake)
        try:
            await session.subscribe(SHARED_FILTER if session.shares else READINGS_FILTER)
            self.counters.connections += 1
            log.info("taking readings from %s:%d", self._broker.host, self._broker.port)
            # the broker may have lost what it retained
            self._acks.note(await until_done(lambda: acknowledged(self._pool), self.counters))
            await self._acks.run(session, epoch)
            raise MqttError(session.reason)
        finally:
            session.disconnect()
            # the broker sends these again, and another connection cannot acknowledge them
            self._arrived.clear()

    def _on_messages(self, session: Session, packets: list[mqtt5.PublishPacket]) -> None:
        self.counters.received += len(packets)
        full = len(self._arrived) + len(self._examined) >= UNSURE_LIMIT
        now_ms = self._clock()
        taken = []
        for packet in packets:
            if packet.packet_id is None and full:
                self.counters.discarded += 1
            elif self._gate.allows(packet.topic, now_ms // 1000):
                taken.append((session, packet, now_ms))
            else:
                self.counters.floods += 1
                if packet.packet_id is not None:
                    session.acknowledge([packet.packet_id])
        self._arrived.put(taken)

    async def _examine_all(self) -> None:
        while True:
            deliveries = await self._arrived.take(EXAMINED_AT_ONCE)
            items = await self._examine([packet for _, packet, _ in deliveries])
            self._examined.put(zip(deliveries, items, strict=True))
            await asyncio.sleep(0)

    async def _examine(self, packets: Sequence[mqtt5.PublishPacket]) -> list[Item]:
        opened = [open_message(packet.topic, packet.payload) for packet in packets]
        unknown = {
            each.meter_id
            for each in opened
            if isinstance(each, Opened) and not self._keys.has(each.meter_id, each.signed.kid)
        }
        if unknown:
            await until_done(lambda: self._keys.load(unknown), self.counters)
        now_ms = self._clock()
        return [
            each
            if isinstance(each, Refused)
            else examine(each, self._keys.of(each.meter_id), self._deployment, now_ms)
            for each in opened
        ]

    async def _commit_all(self) -> None:
        while True:
            batch = await self._examined.take(COMMITTED_AT_ONCE)
            await self._commit([item for _, item in batch])
            (_, _, oldest_ms), _ = batch[0]
            INGEST_BATCH.observe(len(batch))
            INGEST_LATENCY.observe(max(self._clock() - oldest_ms, 0) / 1000)
            done: defaultdict[Session, list[int]] = defaultdict(list)
            for (session, packet, _), _ in batch:
                if packet.packet_id is not None:
                    done[session].append(packet.packet_id)
            for session, packet_ids in done.items():
                session.acknowledge(packet_ids)

    async def _commit(self, items: list[Item]) -> None:
        try:
            outcome = await until_done(
                lambda: commit(self._pool, self._budget, items), self.counters
            )
        except UNSTORABLE as error:
            await self._isolate(items, error)
            return
        self._count(items, outcome)
        for meter_id in outcome.stale:
            self._keys.forget(meter_id)
        self._acks.note(outcome.heads)

    async def _isolate(self, items: list[Item], error: asyncpg.PostgresError) -> None:
        """Commit all of a refused batch but the one item that the database does not take.

        That one keeps its place in its device's spool: it has no verdict.
        """
        if len(items) > 1:
            await self._commit(items[: len(items) // 2])
            await self._commit(items[len(items) // 2 :])
            return
        log.error("the database does not take a message: %s", error)
        meter_id = items[0].meter_id
        refused = Refused(items[0].topic, items[0].message, meter_id, "unstorable", str(error))
        await self._commit([refused])

    def _count(self, items: Sequence[Item], outcome: Outcome) -> None:
        self.counters.verified += sum(isinstance(item, Verified) for item in items)
        self.counters.stored += outcome.stored
        self.counters.duplicates += outcome.duplicates
        self.counters.quarantined += outcome.reasons
        self.counters.unrecorded += outcome.unrecorded
