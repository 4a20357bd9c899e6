"""A power cut between signing and sending: what is sent is on the disk for certain."""

import asyncio
import random
import sqlite3
from pathlib import Path

from tests.adversity.edge.house import PATIENCE_S, house
from tests.adversity.edge.power import CALLS, LONGEST, Disk, publishing
from tests.adversity.traced import strace

from gridtokenx_edge.spool.inspect import verify
from gridtokenx_edge.spool.schema import open_for_reading


async def test_nothing_is_sent_that_a_power_cut_could_take_back(
    tmp_path: Path, meter_port: int
) -> None:
    trace = tmp_path / "trace"
    async with house(tmp_path / "house", meter_port, read_every_ms=50) as here:
        folder = here.site.folder
        before = (folder / "spool.db").read_bytes()
        disk = Disk({"spool.db": before, "spool.db-wal": b""})
        agent = await here.start(
            *strace(trace, "-xx", "-s", str(LONGEST), "-e", f"trace={CALLS}", "-e", "signal=none")
        )
        async with asyncio.timeout(PATIENCE_S):
            # until the log has been brought back into the database on the way
            while (folder / "spool.db").stat().st_size == len(before):
                await here.more_records()
        await here.more_records()
        await agent.killed()
        here.check()
    chance = random.Random(7)  # noqa: S311 - the same parts in every run
    left = tmp_path / "left"
    left.mkdir()
    cuts = 0
    for sequences in publishing(trace, disk, folder):
        cuts += 1
        for part in (None, chance):
            for old in left.iterdir():
                old.unlink()
            disk.after_power_cut(left, part)
            assert max(sequences) <= sound_until(left / "spool.db", here.hub.public_key)
    assert cuts
    assert disk.synced["spool.db"] != before


def sound_until(path: Path, public_key: bytes) -> int:
    """Highest sequence of a spool, in which all must be well."""
    connection: sqlite3.Connection = open_for_reading(path)
    try:
        assert verify(connection, (public_key,)).problems == []
        return int(connection.execute("SELECT last_sequence FROM chain").fetchone()[0])
    finally:
        connection.close()
