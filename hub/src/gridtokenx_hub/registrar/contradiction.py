"""Two readings of one sequence that a meter's key signed: for these the registrar suspends it.

The chain is shown such a proof where it fits into a transaction. Where it does not, the registrar
checks it as the program would, from the messages as the devices sent them.
"""

import asyncpg

from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.registrar.errors import RegistrarRefused
from gridtokenx_hub.registrar.mandate import DeviceKey
from gridtokenx_protocol import cose
from gridtokenx_protocol.errors import ProtocolError
from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.payload import Payload, record_hash

FIND = """
SELECT e.meter_id, e.sequence, first_message, second_message, deployment, m.algorithm,
       m.public_key, previous_algorithm, previous_public_key, previous_key_last_sequence
FROM equivocations e JOIN meters m USING (meter_id) CROSS JOIN hub_state
WHERE e.meter_id = $1 AND e.sequence = $2
"""


async def check_contradiction(connection: Connection, meter_id: bytes, sequence: int) -> None:
    """Check that the kept messages prove that a meter signed two readings of this sequence.

    Raises:
        RegistrarRefused: there is no such proof, or it proves nothing.
    """
    row = await connection.fetchrow(FIND, meter_id, sequence)
    if row is None:
        raise RegistrarRefused("UnknownEquivocation", "there is no such proof")
    if _signed_hash(row, row["first_message"]) == _signed_hash(row, row["second_message"]):
        raise RegistrarRefused("NoEquivocation", "both messages hold the same reading")


def _signed_hash(row: asyncpg.Record, message: bytes) -> bytes:
    """Return the hash of the reading in a message, once its signature is checked."""
    key = _key(row)
    try:
        signed = cose.decode(message)
        cose.verify(signed, key.algorithm, key.public_key)
        payload = Payload.decode(signed.payload)
    except ProtocolError as error:
        raise RegistrarRefused(type(error).__name__, str(error)) from error
    for record in payload.records:
        if (record.meter_id, record.deployment, record.sequence) == (
            row["meter_id"],
            row["deployment"],
            row["sequence"],
        ):
            return record_hash(record, payload.extras if record is payload.records[-1] else None)
    raise RegistrarRefused("NoEquivocation", "a message holds no reading of the sequence")


def _key(row: asyncpg.Record) -> DeviceKey:
    """Return the key that signs readings of this sequence, as the chain has it."""
    previous = (
        row["previous_public_key"] is not None
        and row["sequence"] <= row["previous_key_last_sequence"]
    )
    prefix = "previous_" if previous else ""
    return DeviceKey(Algorithm(row[f"{prefix}algorithm"]), row[f"{prefix}public_key"])
