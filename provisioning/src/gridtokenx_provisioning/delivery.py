"""Everything that was signed goes to the hub, and nothing more is read meanwhile."""

import asyncio
from random import SystemRandom
from typing import Final

from gridtokenx_edge.agent.stopping import stop_tasks
from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.spool import Spool, SpoolThread
from gridtokenx_edge.uplink import Uplink, UplinkTiming
from gridtokenx_protocol.keys import Signer
from gridtokenx_provisioning.errors import NotDelivered

PAUSE_S: Final = 0.2


async def deliver(
    meter: MeterConfig, signer: Signer, spool: Spool, clock: Clock, within_s: int
) -> None:
    """Deliver what the spool holds until the hub's ack covers all of it.

    Raises:
        NotDelivered: It does not in time.
        ConfigError: A TLS file cannot be used.
    """
    thread = SpoolThread()
    uplink = Uplink(
        meter, spool, thread, signer, clock, SystemRandom(), UplinkTiming(), read_now=lambda: None
    )
    running = asyncio.create_task(uplink.run())
    deadline_ms = clock.monotonic_ms() + within_s * 1000
    try:
        while waiting := _waiting(spool):
            if running.done():
                running.result()
            if clock.monotonic_ms() >= deadline_ms:
                raise NotDelivered(
                    f"the hub has not acknowledged the last {waiting} readings within {within_s} s:"
                    " check the network with gtx-edge check-config; the same command goes on"
                )
            await asyncio.sleep(PAUSE_S)
    finally:
        await stop_tasks([running])
        thread.close()


def _waiting(spool: Spool) -> int:
    return max(0, spool.state.last_sequence - spool.acked_sequence) if spool.state else 0
