"""What must be otherwise in a restored database than in the one that was backed up."""

import secrets

from gridtokenx_hub.api.http.exact_json import dumps
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.deployment import EPOCH_BITS
from gridtokenx_hub.ingest.statements import SEED
from gridtokenx_hub.leadership import Connection

HUB_STATE = "INSERT INTO hub_state (epoch, deployment) VALUES ($1, $2)"

ROLL_UPS = (
    # as `tables.COPIED_AS` wrote them: 0 is rolled up, 1 is not
    "UPDATE readings SET commit_id = pg_current_xact_id()::text::bigint WHERE commit_id = 1",
    """
    UPDATE rollup_state SET commit_id = pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
        system_identifier = (SELECT system_identifier::text FROM pg_control_system())
    """,
)

REGISTRAR = "UPDATE registrar_requests SET state = 'abandoned' WHERE state = 'open'"
"""Nobody waits for these answers any more."""

CODES = """
UPDATE provisioning_codes SET withdrawn_at = now()
WHERE code_hash IS NOT NULL AND tx_signature IS NULL AND withdrawn_at IS NULL AND expires_at > now()
"""
"""A code may have been used or withdrawn since, and must not come to life again."""

MANUAL_RATES = """
UPDATE manual_rates SET revoked_by = 'restore', revoked_at = greatest(now(), set_at)
WHERE revoked_at IS NULL AND ends_at > now()
"""
"""An operator may have revoked it since, and must say it again."""

UNANSWERED = "UPDATE idempotency_keys SET status = $1, body = $2 WHERE status IS NULL"
RESTORED = Problem(
    409,
    "HubRestored",
    "the hub was restored from a backup taken while this request was under way:"
    " look whether it was done, and if not, send it with a new key",
)
"""What a later try of the request has sent to the chain is not in the journal."""


async def settle_down(connection: Connection, deployment: bytes) -> tuple[int, int]:
    """Draw a new epoch and end what was under way; return it and how many codes are withdrawn."""
    epoch = secrets.randbits(EPOCH_BITS)
    await connection.execute(HUB_STATE, epoch, deployment)
    for statement in ROLL_UPS:
        await connection.execute(statement)
    await connection.execute(REGISTRAR)
    await connection.execute(MANUAL_RATES)
    await connection.execute(UNANSWERED, RESTORED.status_code, dumps(RESTORED.content()))
    withdrawn = await connection.execute(CODES)
    return epoch, int(withdrawn.rpartition(" ")[2])


async def acknowledge_all(connection: Connection) -> None:
    """See to it that every meter gets an ack of the new epoch, whether it has sent or not."""
    ids = [row["meter_id"] for row in await connection.fetch("SELECT meter_id FROM meters")]
    await connection.execute(SEED, ids)
