"""Publishing what the spool holds, oldest first, with a bounded number under way."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import aiomqtt

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config.model import MeterConfig
from gridtokenx_edge.spool import Pending, Spool, SpoolThread
from gridtokenx_edge.uplink.bundles import Bundle, Bundler
from gridtokenx_edge.uplink.timing import UplinkTiming
from gridtokenx_edge.uplink.window import Window
from gridtokenx_protocol.keys import Signer
from gridtokenx_protocol.payload import MAX_RECORDS
from gridtokenx_protocol.topics import readings_topic

_QOS: Final = 1
_READINGS_AT_ONCE: Final = 512
"""Most readings that are taken from the spool at once, so that memory stays small."""


class Outbox:
    """Sends readings without an ack, again after a while, and again when the hub asks.

    Attributes:
        counts: Messages published, and readings in them.
    """

    def __init__(
        self,
        config: MeterConfig,
        spool: Spool,
        thread: SpoolThread,
        signer: Signer,
        clock: Clock,
        timing: UplinkTiming,
    ) -> None:
        self._topic = readings_topic(config.id)
        self._spool = spool
        self._thread = thread
        self._bundler = Bundler(signer)
        self._clock = clock
        self._window = Window(timing.resend_after_s)
        self._wake = asyncio.Event()
        self._again_from: int | None = None
        self.counts: Counter[str] = Counter()

    def wake(self) -> None:
        """Tell that there may be something to send."""
        self._wake.set()

    def begin(self) -> None:
        """Take nothing for sent: the connection or the hub's memory is new."""
        self._window.clear()
        self._wake.set()

    def forget(self, acked: int) -> None:
        """Take note of an ack."""
        self._window.forget(acked)
        self._wake.set()

    def send_again(self, first: int) -> None:
        """Send what has an ack already, from this sequence on, once more."""
        self._again_from = first
        self._wake.set()

    async def run(self, client: aiomqtt.Client) -> None:
        """Publish until cancelled.

        Raises:
            aiomqtt.MqttError: The connection is lost.
        """
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

    async def _next_batch(self) -> list[Bundle]:
        """What to publish now: asked for again, then overdue, then not yet sent."""
        sent = max(self._window.highest, self._spool.acked_sequence)
        batch = await self._asked_again()
        for carried in self._window.overdue(self._now_s()):
            self._window.take_back(carried)
            first = max(carried.first, self._spool.acked_sequence + 1)
            batch += await self._bundled(self._spool.held, first, carried.last, MAX_RECORDS)
        room = self._window.room - len(batch)
        if room > 0 and self._spool.last_sequence > sent:
            # no more than may be sent: what is joined is signed, and a chip signs slowly
            limit = min(room * MAX_RECORDS, _READINGS_AT_ONCE)
            batch += (await self._bundled(self._spool.pending, sent, limit))[:room]
        return batch

    async def _asked_again(self) -> list[Bundle]:
        if self._again_from is None:
            return []
        bundles = await self._bundled(
            self._spool.held, self._again_from, self._spool.acked_sequence, _READINGS_AT_ONCE
        )
        self._again_from = bundles[-1].carried.last + 1 if bundles else None
        return bundles

    async def _bundled(self, take: Callable[..., list[Pending]], *arguments: int) -> list[Bundle]:
        """What the spool gives, joined; signing takes as long as reading: it shares its thread."""
        return await self._thread.call(lambda: self._bundler.bundles(take(*arguments)))

    async def _publish(self, client: aiomqtt.Client, batch: Sequence[Bundle]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for bundle in batch:
                if bundle.carried.last > self._spool.acked_sequence:
                    self._window.sent(bundle.carried, self._now_s())
                self.counts["messages"] += 1
                self.counts["readings"] += bundle.carried.last - bundle.carried.first + 1
                tasks.create_task(client.publish(self._topic, bundle.message, qos=_QOS))

    def _now_s(self) -> float:
        return self._clock.monotonic_ms() / 1000
