"""Settlements that the chain knows and the outbox does not: of a hub that was restored since.

Their records and the devices' signatures stand in the transactions themselves.
"""

import hashlib
from collections.abc import Iterator

from gridtokenx_hub.chain import ChainClient, Transaction
from gridtokenx_hub.indexer.errors import TransactionMissing
from gridtokenx_hub.leadership import Connection
from gridtokenx_programs.precompiles import ED25519_PROGRAM, SECP256R1_PROGRAM
from gridtokenx_protocol.cose import ALGORITHM_OF_COSE, signed_record_message
from gridtokenx_protocol.record import RECORD_SIZE

SIGNATURE_SIZE = 64

UNKNOWN = """
SELECT e.tx_signature, decode(e.data ->> 'record_hash', 'hex') AS record_hash,
       (e.data ->> 'minted_mwh')::bigint AS minted_mwh,
       decode(e.data ->> 'meter_id', 'hex') AS meter_id,
       (e.data ->> 'reading_sequence')::bigint AS sequence,
       (e.data ->> 'reading_time_ms')::bigint AS time_ms
FROM events e
WHERE e.program = 'energy_token' AND e.name = 'MeterSettled' AND e.sequence > $1
  AND NOT EXISTS (
    SELECT FROM settlements s WHERE s.meter_id = decode(e.data ->> 'meter_id', 'hex')
    AND s.sequence = (e.data ->> 'reading_sequence')::bigint)
ORDER BY e.sequence
"""
INSERT = """
INSERT INTO settlements
    (meter_id, sequence, time_ms, record, algorithm, signature, status, tx_signature, minted_mwh)
VALUES ($1, $2, $3, $4, $5, $6, 'settled', $7, $8)
"""


async def adopt(connection: Connection, client: ChainClient, after: int) -> int:
    """Enter settlements by events after number `after` that have no row; return how many.

    Raises:
        TransactionMissing: the node does not have one of them.
        ChainUnavailable: it does not answer.
    """
    rows = await connection.fetch(UNKNOWN, after)
    proofs: dict[bytes, tuple[bytes, int, bytes]] = {}
    for signature in dict.fromkeys(row["tx_signature"] for row in rows):
        transaction = await client.transaction(signature)
        if transaction is None:
            raise TransactionMissing(signature)
        proofs.update(_proofs(transaction))
    for row in rows:
        await connection.execute(
            INSERT,
            row["meter_id"],
            row["sequence"],
            row["time_ms"],
            *proofs[row["record_hash"]],
            row["tx_signature"],
            row["minted_mwh"],
        )
    return len(rows)


def _proofs(transaction: Transaction) -> Iterator[tuple[bytes, tuple[bytes, int, bytes]]]:
    """Yield each record that the transaction proves: its hash; record, COSE algorithm, signature.

    The program takes one layout of a proof alone, in which the message comes last and the
    signature directly before it.
    """
    for instruction in transaction.instructions:
        if instruction.program_id not in (ED25519_PROGRAM, SECP256R1_PROGRAM):
            continue
        record = instruction.data[-RECORD_SIZE:]
        for algorithm in ALGORITHM_OF_COSE:
            message = signed_record_message(algorithm, record)
            if instruction.data.endswith(message):
                signed = instruction.data[: -len(message)]
                hashed = hashlib.sha256(record).digest()
                yield hashed, (record, algorithm, signed[-SIGNATURE_SIZE:])
