"""Rows that the API would write, for tests of the registrar alone."""

from collections.abc import Awaitable, Callable

import asyncpg
from solders.keypair import Keypair

Insert = Callable[..., Awaitable[int]]
"""Inserts a row of `provisioning_codes` with these columns; returns its id."""


async def new_user(pool: asyncpg.Pool) -> Keypair:
    """A user; the first has the id 1."""
    wallet = Keypair()
    await pool.execute(
        "INSERT INTO users (wallet, name, user_type) VALUES ($1, 'A', 'prosumer')",
        str(wallet.pubkey()),
    )
    return wallet
