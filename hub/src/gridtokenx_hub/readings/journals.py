"""Letting go of what was written down for a while only: answers, refusals, errands."""

import datetime as dt
from collections.abc import Mapping

from gridtokenx_hub.leadership import Connection

ANSWERS_DAYS = 7
"""So long the API gives the same answer again under the same `Idempotency-Key`."""
REFUSED_DAYS = 90
"""As long as raw readings: a refused one is a person's reading as well."""
ERRANDS_DAYS = 90
ROUNDS_DAYS = 90
TOKENS_DAYS = 30
"""After a token is good no more: longer than answers are kept under it."""
TIMEOUT_S = 3_600.0

TOKENS = """
DELETE FROM api_tokens t
 WHERE least(expires_at, revoked_at) < $1
   AND NOT EXISTS (SELECT FROM idempotency_keys k WHERE k.token_id = t.id)
   AND NOT EXISTS (SELECT FROM provisioning_codes c WHERE c.issued_by = t.id)
   AND NOT EXISTS (SELECT FROM api_tokens s WHERE s.parent_id = t.id)
"""
"""Sessions first; the token that they were made from goes a day later."""

BACKUPS = """
DELETE FROM backups
 WHERE began_at < $1 AND began_at < (SELECT max(began_at) FROM backups WHERE failure IS NULL)
"""
"""Not the last good one, however long ago it was, nor what failed since."""

OLD: Mapping[str, int] = {
    "DELETE FROM idempotency_keys WHERE created_at < $1": ANSWERS_DAYS,
    "DELETE FROM quarantine WHERE received_at < $1": REFUSED_DAYS,
    "DELETE FROM commands WHERE created_at < $1": ERRANDS_DAYS,
    "DELETE FROM registrar_requests WHERE created_at < $1 AND state <> 'open'": ERRANDS_DAYS,
    "DELETE FROM settlements WHERE updated_at < $1 AND status = 'superseded'": ERRANDS_DAYS,
    "DELETE FROM oracle_rounds WHERE began_at < $1": ROUNDS_DAYS,
    "DELETE FROM certificates WHERE expires_at < $1": ERRANDS_DAYS,
    TOKENS: TOKENS_DAYS,
    BACKUPS: ERRANDS_DAYS,
}
"""What is not needed any more, and for how many days it is kept."""


async def clear_journals(connection: Connection, now: dt.datetime) -> None:
    """Let go of what is past its age in each."""
    for statement, days in OLD.items():
        before = now - dt.timedelta(days=days)
        await connection.execute(statement, before, timeout=TIMEOUT_S)
