"""Which deployment this hub belongs to: decided by the chain, remembered by the database."""

import secrets

import asyncpg

# Epochs are drawn, not counted: a hub restored from an old backup must not repeat one. They stay
# within PostgreSQL's bigint.
EPOCH_BITS = 63


class WrongDeployment(RuntimeError):
    """The database belongs to another chain; the message names both deployments."""


async def join_deployment(pool: asyncpg.Pool, deployment: bytes) -> int:
    """Bind the database to `deployment` (4 bytes) at the first start, and return the hub's epoch.

    Raises:
        WrongDeployment: the database was filled from another chain.
    """
    await pool.execute(
        "INSERT INTO hub_state (epoch, deployment) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        secrets.randbits(EPOCH_BITS),
        deployment,
    )
    row = await pool.fetchrow("SELECT epoch, deployment FROM hub_state")
    if row is None or row["deployment"] != deployment:
        known = row["deployment"].hex() if row else "none"
        raise WrongDeployment(
            f"the chain is deployment {deployment.hex()}, but the database belongs to {known}: "
            "give this hub the chain or the database that goes with the other"
        )
    epoch: int = row["epoch"]
    return epoch
