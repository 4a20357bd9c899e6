"""The EVM accounts from which users pay: the hub's, sealed like wallets, or the users' own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
from coincurve import PrivateKey
from solders.pubkey import Pubkey

from gridtokenx_hub.wallets.key_files import WalletKeys
from gridtokenx_hub.wallets.vault import open_seed
from gridtokenx_programs.evm import address_of_key

_IN_USE = """
SELECT address, key_id IS NOT NULL AS is_held FROM evm_accounts
 WHERE user_id = $1 ORDER BY chosen_at DESC, address LIMIT 1
"""
_CHOOSE_HELD = """
UPDATE evm_accounts SET chosen_at = $2 WHERE user_id = $1 AND key_id IS NOT NULL RETURNING address
"""
_DRAW = """
INSERT INTO evm_accounts (address, user_id, key_id, nonce, ciphertext, chosen_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""
_CHOOSE_OWN = """
INSERT INTO evm_accounts (address, user_id, chosen_at) VALUES ($1, $2, $3)
ON CONFLICT (address) DO UPDATE SET chosen_at = excluded.chosen_at
 WHERE evm_accounts.user_id = excluded.user_id
RETURNING address, key_id IS NOT NULL AS is_held
"""


@dataclass(frozen=True, slots=True)
class EvmAccount:
    """An account with its 20-byte address; `is_held` when the hub has its key."""

    address: bytes
    is_held: bool


class EvmAccounts:
    """Which account each user pays from.

    A key is derived from the key file and the user's wallet by HKDF-SHA256 (RFC 5869), and sealed
    as wallets are: with AES-256-GCM, the address as associated data. None is ever deleted: what was
    paid from an account is refunded to it.

    Args:
        pool: database with the table `evm_accounts`.
        key_file: the key that seals wallets.
        clock: the present instant.
    """

    def __init__(self, pool: asyncpg.Pool, key_file: Path, clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._keys = WalletKeys(key_file)
        self._clock = clock

    async def in_use(self, user_id: int) -> EvmAccount | None:
        """Return the account that a user has chosen last, None when there is none."""
        row = await self._pool.fetchrow(_IN_USE, user_id)
        return None if row is None else EvmAccount(**row)

    async def choose_held(self, user_id: int, wallet: Pubkey) -> EvmAccount:
        """Have a user pay from the account that the hub holds for them; drawn the first time."""
        address = await self._pool.fetchval(_CHOOSE_HELD, user_id, self._clock())
        if address is None:
            await self._draw(user_id, wallet)  # of two that draw at once, one does it
            address = await self._pool.fetchval(_CHOOSE_HELD, user_id, self._clock())
        return EvmAccount(address, is_held=True)

    async def choose_own(self, user_id: int, address: bytes) -> EvmAccount | None:
        """Have a user pay from an account of their own, which they have proved to hold.

        None when another user pays from it.
        """
        row = await self._pool.fetchrow(_CHOOSE_OWN, address, user_id, self._clock())
        return None if row is None else EvmAccount(**row)

    async def holds(self, address: bytes) -> bool:
        """Tell whether the hub holds the key of an account."""
        return bool(
            await self._pool.fetchval(
                "SELECT key_id IS NOT NULL FROM evm_accounts WHERE address = $1", address
            )
        )

    async def key(self, address: bytes) -> PrivateKey | None:
        """Open an account, None when the hub does not hold it.

        Raises:
            VaultError: it was sealed with another key, or its row was altered.
        """
        row = await self._pool.fetchrow(
            "SELECT key_id, nonce, ciphertext FROM evm_accounts"
            " WHERE address = $1 AND key_id IS NOT NULL",
            address,
        )
        if row is None:
            return None
        name = f"EVM account 0x{address.hex()}"
        return PrivateKey(open_seed(self._keys, name, address, row))

    async def _draw(self, user_id: int, wallet: Pubkey) -> None:
        sealing = self._keys.newest()
        seed = sealing.derive_evm(wallet)
        address = address_of_key(PrivateKey(seed))
        nonce, ciphertext = sealing.seal(seed, address)
        await self._pool.execute(
            _DRAW, address, user_id, sealing.key_id, nonce, ciphertext, self._clock()
        )
