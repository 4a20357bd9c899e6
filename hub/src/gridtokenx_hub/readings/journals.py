"""Letting go of what was written down for a while only: answers, refusals, errands."""

import datetime as dt
from collections.abc import Mapping

from gridtokenx_hub.leadership import Connection

ANSWERS_DAYS = 7
"""So long the API gives the same answer again under the same `Idempotency-Key`."""
REFUSED_DAYS = 90
"""As long as raw readings: a refused one is a person's reading as well."""
ERRANDS_DAYS = 90
TIMEOUT_S = 3_600.0

OLD: Mapping[str, int] = {
    "DELETE FROM idempotency_keys WHERE created_at < $1": ANSWERS_DAYS,
    "DELETE FROM quarantine WHERE received_at < $1": REFUSED_DAYS,
    "DELETE FROM commands WHERE created_at < $1": ERRANDS_DAYS,
    "DELETE FROM registrar_requests WHERE created_at < $1 AND state <> 'open'": ERRANDS_DAYS,
    "DELETE FROM settlements WHERE updated_at < $1 AND status = 'superseded'": ERRANDS_DAYS,
    "DELETE FROM certificates WHERE expires_at < $1": ERRANDS_DAYS,
}
"""What is not needed any more, and for how many days it is kept."""


async def clear_journals(connection: Connection, now: dt.datetime) -> None:
    """Let go of what is past its age in each."""
    for statement, days in OLD.items():
        before = now - dt.timedelta(days=days)
        await connection.execute(statement, before, timeout=TIMEOUT_S)
