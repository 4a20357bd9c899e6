"""A backup becomes the database again, in one transaction: all of it, or nothing."""

from dataclasses import dataclass
from pathlib import Path

import asyncpg

from gridtokenx_hub.backup import tables
from gridtokenx_hub.backup.aftermath import acknowledge_all, settle_down
from gridtokenx_hub.backup.errors import (
    DatabaseInUse,
    DatabaseNotEmpty,
    KeysMissing,
    OtherDeployment,
)
from gridtokenx_hub.backup.journal import note_good
from gridtokenx_hub.backup.loading import drop_all, load, schema_of
from gridtokenx_hub.backup.manifest import Manifest
from gridtokenx_hub.backup.reconcile import Chain, Since, check_chain, reconcile
from gridtokenx_hub.backup.verify import verify
from gridtokenx_hub.database.migrations import ADVISORY_LOCK as MIGRATION_LOCK
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.wallets.key_files import WalletKeys

WALLETS_KEY = "keys/wallets.seed"
ALWAYS_NEEDED = (WALLETS_KEY, "keys/ack.seed")
AUTHORITY_KEY = "certificates/ca.key"
"""Files that a hub makes anew where they are missing: no wallet or device would know it again."""

OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND coalesce(backend_type, 'client backend') = 'client backend'
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has come to.

    Attributes:
        manifest: of the backup.
        epoch: the new one.
        since: what the chain told of the time after the backup.
        withdrawn_codes: how many provisioning codes that were not used yet are withdrawn.
    """

    manifest: Manifest
    epoch: int
    since: Since
    withdrawn_codes: int


async def restore(
    url: str, backup: Path, hub_folder: Path, chain: Chain, *, replace: bool
) -> Restored:
    """Fill the database at `url` from a backup, and bring it to where the chain stands.

    Until the end nobody else sees anything of it; whoever kills it leaves the database as it was.

    Args:
        url: of the database.
        backup: folder of the backup.
        hub_folder: the hub's own, with the keys that belong to the backup.
        chain: of the same deployment.
        replace: whether what is in the database is given up for it.

    Raises:
        BackupError: nothing was changed; the message says why and what to do.
        IndexerError, ChainUnavailable: the chain does not show what it knows; likewise.
    """
    manifest = verify(backup)
    schema_of(manifest)
    _check_keys(manifest, hub_folder)
    sent = await check_chain(chain, manifest)
    connection = await asyncpg.connect(url)
    try:
        await _be_alone(connection)
        _check_wallet_keys(manifest, hub_folder)
        async with connection.transaction():
            await _make_room(connection, manifest, replace=replace)
            await load(connection, backup, manifest)
            # Its rows end before itself, and it is the newest that there is of this history.
            await note_good(connection, manifest.taken_at, manifest.size_bytes)
            epoch, withdrawn = await settle_down(connection, bytes.fromhex(manifest.deployment))
            wallets_key = hub_folder / WALLETS_KEY
            since = await reconcile(connection, chain, manifest, sent, wallets_key)
            await acknowledge_all(connection)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return Restored(manifest, epoch, since, withdrawn)


def _check_keys(manifest: Manifest, hub_folder: Path) -> None:
    """Check that the hub would not make new keys where the backup's rows need the old ones.

    Raises:
        KeysMissing: it would.
    """
    has_certificates = any(
        piece.table == "certificates" and piece.rows for piece in manifest.pieces
    )
    needed = (*ALWAYS_NEEDED, AUTHORITY_KEY) if has_certificates else ALWAYS_NEEDED
    missing = [name for name in needed if not (hub_folder / name).exists()]
    if missing:
        raise KeysMissing(
            f"{hub_folder} lacks {', '.join(missing)}: put back the hub's keys/ and certificates/, "
            "of which a backup of the database holds none"
        )


def _check_wallet_keys(manifest: Manifest, hub_folder: Path) -> None:
    if not manifest.wallet_keys:
        return
    keys = WalletKeys(hub_folder / WALLETS_KEY)
    missing = [key_id for key_id in manifest.wallet_keys if keys.known(key_id) is None]
    if missing:
        raise KeysMissing(
            f"the backup's wallets are sealed with {', '.join(missing)}, but the files beside "
            f"{hub_folder / WALLETS_KEY} hold {', '.join(keys.ids())}: put back the key files that "
            "belong to it"
        )


async def _be_alone(connection: Connection) -> None:
    """Keep hubs that start meanwhile waiting where they bring the schema up to date.

    Raises:
        DatabaseInUse: somebody is connected already.
    """
    locked = await connection.fetchval("SELECT pg_try_advisory_lock($1)", MIGRATION_LOCK)
    others = await connection.fetchval(OTHERS)
    if others or not locked:
        raise DatabaseInUse(
            f"{others} others are connected to the database: stop every gtx-hub process but "
            "`database`, `chain` and `broker`, and whatever else uses it"
        )


async def _make_room(connection: Connection, manifest: Manifest, *, replace: bool) -> None:
    there = await tables.existing(connection)
    if not there:
        return
    if "schema_migrations" not in there:
        raise DatabaseNotEmpty(
            f"the database holds tables that are no hub's ({', '.join(there[:3])}, …): "
            "restore into a database of the hub's own"
        )
    if not replace:
        raise DatabaseNotEmpty(
            "the database holds a hub's tables: restore into an empty one, or give them up with "
            "--replace"
        )
    state = await connection.fetchrow("SELECT deployment FROM hub_state")
    if state is not None and state["deployment"].hex() != manifest.deployment:
        raise OtherDeployment(
            f"the database is of deployment {state['deployment'].hex()}, the backup of "
            f"{manifest.deployment}: restore into that deployment's database"
        )
    await drop_all(connection)
