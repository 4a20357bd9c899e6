"""What devices say of themselves, into the table `device_status`."""

from collections.abc import Iterable, Mapping

from gridtokenx_hub.ingest.sql import columns
from gridtokenx_hub.leadership import Connection
from gridtokenx_protocol.errors import BadTopic, Malformed
from gridtokenx_protocol.status import Status
from gridtokenx_protocol.topics import parse_topic

MAX_INT64 = 2**63 - 1
STORE = """
INSERT INTO device_status AS d
    (meter_id, online, session, oldest_sequence, last_sequence, version, profile, changed_at)
SELECT s.*, to_timestamp($8 / 1000.0)
FROM unnest($1::bytea[], $2::boolean[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],
            $7::text[])
    AS s (meter_id, online, session, oldest_sequence, last_sequence, version, profile)
JOIN meters USING (meter_id)
ON CONFLICT (meter_id) DO UPDATE
SET online = excluded.online, session = excluded.session,
    oldest_sequence = excluded.oldest_sequence, last_sequence = excluded.last_sequence,
    version = excluded.version, profile = excluded.profile, changed_at = excluded.changed_at
WHERE excluded.online OR excluded.session >= d.session
"""


def read_status(topic: str, payload: bytes, deployment: bytes) -> tuple[bytes, Status]:
    """Return whose status it is, and the status.

    Raises:
        ProtocolError: not a status of this deployment that can be stored.
    """
    meter_id, kind = parse_topic(topic)
    if kind != "status":
        raise BadTopic("a status comes on a meter's topic for it")
    status = Status.decode(payload)
    if status.deployment != deployment:
        raise Malformed("the status is of another deployment")
    if max(status.session, status.oldest_sequence, status.last_sequence) > MAX_INT64:
        raise Malformed("a number is beyond what can be stored")
    return meter_id, status


def newest(statuses: Iterable[tuple[bytes, Status]]) -> dict[bytes, Status]:
    """Return the status of each meter that counts, of several in the order of their arrival.

    A death that names an older session than the last birth is of a connection that was replaced.
    """
    found: dict[bytes, Status] = {}
    for meter_id, status in statuses:
        before = found.get(meter_id)
        if before is None or status.online or status.session >= before.session:
            found[meter_id] = status
    return found


async def store(connection: Connection, statuses: Mapping[bytes, Status], now_ms: int) -> None:
    """Write the statuses of registered meters."""
    rows = [
        (
            meter_id,
            status.online,
            status.session,
            status.oldest_sequence,
            status.last_sequence,
            _storable(status.version),
            _storable(status.profile),
        )
        for meter_id, status in statuses.items()
    ]
    if rows:
        await connection.execute(STORE, *columns(rows), now_ms)


def _storable(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
