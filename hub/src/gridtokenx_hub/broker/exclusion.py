"""Revoked meters and the broker: no topic, and no connection."""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path

import asyncpg

from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.lists import followed
from gridtokenx_hub.broker.mosquitto import access_list_path, write_access_list
from gridtokenx_hub.leadership import through_outages, until_stopped

POLL_S = 1.0
FOLLOW_TIMEOUT_S = 15.0
"""The broker is started anew meanwhile."""

DECIDE = """
INSERT INTO exclusions (meter_id, decided_at)
SELECT meter_id, $1 FROM meters WHERE status = 'revoked' ON CONFLICT DO NOTHING
"""
UNDONE = "SELECT meter_id FROM exclusions WHERE excluded_at IS NULL"
ALL = "SELECT meter_id FROM exclusions ORDER BY meter_id"
CERTIFICATES = """
SELECT c.serial_number, e.decided_at FROM certificates c JOIN exclusions e USING (meter_id)
 WHERE c.expires_at > $1 ORDER BY c.serial_number
"""
DONE = "UPDATE exclusions SET excluded_at = $2 WHERE meter_id = $1"

log = logging.getLogger(__name__)


class Exclusion:
    """Shuts revoked meters out of the broker, whoever revoked them on chain.

    Their certificates go on the revocation list, so that they cannot connect, and the access list
    denies them every topic. The broker's keeper starts it anew to go by both, which ends every
    connection; theirs alone does not come back.

    Args:
        pool: the hub's database.
        authority: signs the revocation list.
        folder: the broker's own.
        clock: the present instant, timezone-aware.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        authority: CertificateAuthority,
        folder: Path,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._pool = pool
        self._authority = authority
        self._folder = folder
        self._clock = clock
        self._lock = asyncio.Lock()
        self._written = False

    async def run(self, stop: asyncio.Event) -> None:
        """Shut out what is revoked, until `stop` is set, through every outage."""
        await until_stopped(stop, self._work())

    async def _work(self) -> None:
        async def apply() -> None:
            await self.apply()
            await asyncio.sleep(POLL_S)

        await through_outages("exclusion", apply, POLL_S)

    async def apply(self) -> None:
        """Shut out every meter that is revoked and not shut out yet.

        Raises:
            OSError, TimeoutError: the broker does not follow; what is undone is tried again.
        """
        async with self._lock:
            await self._pool.execute(DECIDE, self._clock())
            undone = [row["meter_id"] for row in await self._pool.fetch(UNDONE)]
            if undone or not self._written:
                await self._write()
            if undone:
                await followed(self._files, self._folder, FOLLOW_TIMEOUT_S)
            for meter_id in undone:
                await self._pool.execute(DONE, meter_id, self._clock())
                log.info("meter %s is shut out of the broker", meter_id.hex())

    @property
    def _files(self) -> tuple[Path, Path]:
        return access_list_path(self._folder), self._authority.revocation_list_path

    async def _write(self) -> None:
        excluded = [row["meter_id"] for row in await self._pool.fetch(ALL)]
        certificates = await self._pool.fetch(CERTIFICATES, self._clock())
        write_access_list(self._folder, excluded)
        self._authority.write_revocation_list(
            (int.from_bytes(row["serial_number"], "big"), row["decided_at"]) for row in certificates
        )
        self._written = True
