"""The key that seals the wallets is changed, while the hub runs and opens every one of them.

The new key is on the disk before a wallet is sealed with it, and the old one stays there. A change
that was broken off goes on where it was.
"""

from dataclasses import dataclass
from pathlib import Path

import asyncpg
from solders.pubkey import Pubkey

from gridtokenx_hub.leadership import Connection, Job, lead
from gridtokenx_hub.wallets.key_files import WalletKey, WalletKeys
from gridtokenx_hub.wallets.vault import open_seed

BATCH = 200
RETRY_S = 0.5

_SEALED_WITH_ANOTHER = """
SELECT wallet, key_id, nonce, ciphertext FROM wallets
 WHERE key_id <> $1 ORDER BY wallet LIMIT $2 FOR UPDATE
"""
_SEAL = "UPDATE wallets SET key_id = $2, nonce = $3, ciphertext = $4 WHERE wallet = $1"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was done: the new key's id, how many wallets were sealed anew, the old key's file."""

    key_id: str
    wallets: int
    retired: Path


async def rotate_key(pool: asyncpg.Pool, key_file: Path) -> Rotation:
    """Seal every wallet with a new key, which then takes the place of `key_file`.

    Args:
        pool: database with the table `wallets`.
        key_file: the present key.

    Raises:
        VaultError: a wallet does not open. Those before it are sealed anew, the others as they
            were, and all but that one can be opened.
        KeyFileError: a key file is not usable.
    """
    async with lead(pool, Job.ROTATION, RETRY_S) as connection:
        keys = WalletKeys(key_file)
        new = keys.begin()
        count = await _seal_all(connection, keys, new)
        retired = keys.finish()
        # Those that were made meanwhile by a process which had looked for the key before.
        count += await _seal_all(connection, keys, new)
        return Rotation(new.key_id, count, retired)


async def _seal_all(connection: Connection, keys: WalletKeys, new: WalletKey) -> int:
    count = 0
    while sealed := await _seal_some(connection, keys, new):
        count += sealed
    return count


async def _seal_some(connection: Connection, keys: WalletKeys, new: WalletKey) -> int:
    async with connection.transaction():
        rows = await connection.fetch(_SEALED_WITH_ANOTHER, new.key_id, BATCH)
        changed = []
        for row in rows:
            wallet = Pubkey.from_string(row["wallet"])
            nonce, ciphertext = new.seal(open_seed(keys, wallet, row), wallet)
            changed.append((row["wallet"], new.key_id, nonce, ciphertext))
        await connection.executemany(_SEAL, changed)
    return len(rows)
