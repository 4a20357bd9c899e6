"""A database in which an operator has issued codes."""

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from solders.keypair import Keypair

# pytest's importlib mode leaves sys.path alone; tests here share one module beside them.
sys.path.insert(0, str(Path(__file__).parent))

from mandates import Insert, new_user


@pytest.fixture
async def owner(pool: asyncpg.Pool) -> Keypair:
    """The owner of the meters; user 1."""
    await pool.execute("INSERT INTO api_tokens (token_hash, role) VALUES ('x', 'operator')")
    return await new_user(pool)


@pytest.fixture
def issued(pool: asyncpg.Pool, owner: Keypair) -> Insert:
    """Inserts a row of `provisioning_codes` with these columns; returns its id."""
    del owner

    async def insert(**columns: Any) -> int:
        now = dt.datetime.now(dt.UTC)
        row = {
            "issued_by": 1,
            "user_id": 1,
            "created_at": now,
            "expires_at": now + dt.timedelta(days=1),
        } | columns
        if row["purpose"] == "install":
            names = ("export_limit_mw", "import_limit_mw", "daily_export_limit_mwh")
            row = dict.fromkeys(names, 1000000) | row
        places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        code_id: int = await pool.fetchval(
            f"INSERT INTO provisioning_codes ({', '.join(row)}) VALUES ({places}) RETURNING id",  # noqa: S608 - names from the tests
            *row.values(),
        )
        return code_id

    return insert
