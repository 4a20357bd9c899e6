"""Signed acks to the meters, each retained, at most one a second for each meter."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping

from gridtokenx_hub.ingest.counters import Counters
from gridtokenx_hub.ingest.model import MeterId
from gridtokenx_hub.ingest.mqtt import Session
from gridtokenx_protocol.ack import Ack, sign_ack
from gridtokenx_protocol.keys import Signer
from gridtokenx_protocol.topics import ack_topic

INTERVAL_S = 1.0
TICK_S = 0.02
SIGNED_A_TICK = 8
WITHIN_S = 10.0
"""When more acks are due than 8 a tick, they are spread over this time: each then covers more
readings, and signing takes little from verifying. Devices send again after 30 s only."""

Head = tuple[int, bytes]


class AckPublisher:
    """Tells each meter how far its readings have verdicts, the newest state only."""

    def __init__(
        self, signer: Signer, deployment: bytes, clock: Callable[[], int], counters: Counters
    ) -> None:
        self._signer = signer
        self._deployment = deployment
        self._clock = clock
        self._counters = counters
        self._due: dict[MeterId, Head] = {}
        self._held: dict[MeterId, Head] = {}
        self._resting: deque[tuple[float, MeterId]] = deque()
        self._resting_meters: set[MeterId] = set()
        self._wake = asyncio.Event()

    def note(self, heads: Mapping[MeterId, Head]) -> None:
        """Have these heads published, each now or when its meter's second is over."""
        for meter_id, head in heads.items():
            resting = meter_id in self._resting_meters
            (self._held if resting else self._due)[meter_id] = head
        self._wake.set()

    async def run(self, session: Session, epoch: int) -> None:
        """Publish on this connection until it ends."""
        loop = asyncio.get_running_loop()
        while not session.closed:
            self._wake.clear()
            self._end_rests(loop.time())
            share = math.ceil(len(self._due) * TICK_S / WITHIN_S)
            for _ in range(min(max(SIGNED_A_TICK, share), len(self._due))):
                if not session.has_room:
                    break
                self._publish(session, epoch, loop.time())
            await self._pause(session)

    def wake(self) -> None:
        """Look again whether there is something to publish, and a connection to do it on."""
        self._wake.set()

    def _end_rests(self, now: float) -> None:
        while self._resting and self._resting[0][0] <= now:
            meter_id = self._resting.popleft()[1]
            self._resting_meters.discard(meter_id)
            head = self._held.pop(meter_id, None)
            if head is not None:
                self._due[meter_id] = head

    def _publish(self, session: Session, epoch: int, now: float) -> None:
        meter_id = next(iter(self._due))
        sequence, digest = self._due.pop(meter_id)
        ack = Ack(self._deployment, meter_id, epoch, sequence, digest, self._clock())
        session.publish(ack_topic(meter_id), sign_ack(ack, self._signer))
        self._counters.acks += 1
        self._resting.append((now + INTERVAL_S, meter_id))
        self._resting_meters.add(meter_id)

    async def _pause(self, session: Session) -> None:
        blocked = not session.has_room if self._due else not self._resting
        if blocked:
            await self._wake.wait()
        else:
            await asyncio.sleep(TICK_S)
