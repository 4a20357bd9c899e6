"""One meter's part of the running agent, and how it is doing."""

from dataclasses import dataclass
from typing import Final

from gridtokenx_edge.agent.reading_loop import ReadingLoop
from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.health import MeterFigures
from gridtokenx_edge.spool import Spool, SpoolThread
from gridtokenx_edge.uplink import Uplink

STALLED_AFTER_MS: Final = 120_000
"""A loop that has not come round for its period and so much more hangs."""


@dataclass(frozen=True, slots=True)
class MeterAgent:
    """Reading loop, uplink and spool of one meter."""

    config: MeterConfig
    loop: ReadingLoop
    uplink: Uplink
    spool: Spool
    thread: SpoolThread
    clock: Clock

    def is_alive(self) -> bool:
        """Whether the reading loop comes round; a meter or broker that is down does not count."""
        since_ms = self.clock.monotonic_ms() - self.loop.turned_at_ms
        return since_ms < self.config.read_every_ms + STALLED_AFTER_MS

    async def figures(self) -> MeterFigures:
        """Its figures for the health page."""
        stands = await self.thread.call(self.spool.stands)
        loop, counts = self.loop, self.uplink.counts
        values: dict[str, int | float] = {
            "readings_total": loop.recorded,
            "messages_total": counts["messages"],
            "acks_total": counts["acks"],
            "acks_not_written_total": counts["acks_not_written"],
            "connections_lost_total": counts["connections_lost"],
            "connected": int(self.uplink.connected),
            "clock_status": int(loop.clock_status()),
            "spool_bytes": stands.used_bytes,
            "oldest_sequence": stands.oldest_sequence,
            "last_sequence": stands.last_sequence,
            "acked_sequence": stands.acked_sequence,
            "last_reading_seconds": stands.last_time_ms / 1000,
        }
        return MeterFigures(self.config.id.hex(), values, loop.refused)
