"""The registrar suspends for two readings of one sequence, and for nothing that only looks so."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message

from gridtokenx_hub.registrar import RegistrarClient, RegistrarRefused, RegistrarTransactions
from gridtokenx_hub.registrar.registrar import Registrar
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load
from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.record import ClockStatus, Record

PROGRAMS = {name: load(name) for name in PROGRAM_NAMES}
ADDRESSES = Addresses(*(program.id for program in PROGRAMS.values()))
KEY = Keypair()
TRANSACTIONS = RegistrarTransactions(PROGRAMS, ADDRESSES, KEY.pubkey())
METER_ID, DEPLOYMENT = bytes(16), b"depl"
DEVICE, OTHER = (SoftwareSigner(Ed25519PrivateKey.generate()) for _ in range(2))
RECORD = Record(
    DEPLOYMENT, METER_ID, 7, 1, 0, 0, 0, 0, 0, 0, 0, int(ClockStatus.SYNCHRONISED), bytes(32)
)
TWIN = replace(RECORD, time_ms=2)


@pytest.fixture
async def client(pool: asyncpg.Pool) -> AsyncIterator[RegistrarClient]:
    """The way to a running registrar; the meter is known, its key is the device's."""
    await pool.execute("INSERT INTO hub_state (epoch, deployment) VALUES (1, $1)", DEPLOYMENT)
    await pool.execute(
        "INSERT INTO meters VALUES ($1, '', 0, $2, 'active', 1, 1, 1, 1, 1, 1, 1, 1, '', now())",
        METER_ID,
        DEVICE.public_key,
    )
    registrar = Registrar(pool, KEY, PROGRAMS, ADDRESSES, lambda: dt.datetime.now(dt.UTC))
    stop = asyncio.Event()
    task = asyncio.create_task(registrar.run(stop))
    yield RegistrarClient(pool, TRANSACTIONS, timeout_s=10)
    stop.set()
    await task


async def proof(pool: asyncpg.Pool, first: bytes, second: bytes) -> None:
    await pool.execute(
        "INSERT INTO equivocations VALUES ($1, 7, 0, $2, $3, $4)",
        METER_ID,
        DEVICE.public_key,
        first,
        second,
    )


def signed(record: Record, by: SoftwareSigner = DEVICE) -> bytes:
    return cose.sign(record.encode(), by)


def suspension(meter_id: bytes = METER_ID) -> Message:
    made = [set_compute_unit_limit(20_000), *TRANSACTIONS.suspend(meter_id)]
    return Message.new_with_blockhash(made, Keypair().pubkey(), Hash.default())


async def test_two_readings(pool: asyncpg.Pool, client: RegistrarClient) -> None:
    await proof(pool, signed(RECORD), signed(TWIN))
    message = suspension()
    signatures = await client.sign_suspension(METER_ID, 7, message)
    assert signatures[KEY.pubkey()].verify(KEY.pubkey(), bytes(message))


@pytest.mark.parametrize(
    ("second", "error"),
    [
        (signed(RECORD), "NoEquivocation"),
        (signed(TWIN, OTHER), "BadSignature"),
        (signed(replace(TWIN, sequence=8)), "NoEquivocation"),
        (signed(replace(TWIN, meter_id=b"x" * 16)), "NoEquivocation"),
        (signed(replace(TWIN, deployment=b"else")), "NoEquivocation"),
        (signed(TWIN)[:-1], "Malformed"),
    ],
    ids=["the same", "another key", "another sequence", "another meter", "elsewhere", "cut"],
)
async def test_what_proves_nothing(
    pool: asyncpg.Pool, client: RegistrarClient, second: bytes, error: str
) -> None:
    await proof(pool, signed(RECORD), second)
    with pytest.raises(RegistrarRefused, match=error):
        await client.sign_suspension(METER_ID, 7, suspension())


@pytest.mark.parametrize(("last", "error"), [(7, "BadSignature"), (6, None)])
async def test_the_key_is_the_one_that_the_sequence_asks_for(
    pool: asyncpg.Pool, client: RegistrarClient, last: int, error: str | None
) -> None:
    await pool.execute(
        "UPDATE meters SET previous_algorithm = 0, previous_public_key = $1,"
        " previous_key_last_sequence = $2",
        OTHER.public_key,
        last,
    )
    await proof(pool, signed(RECORD), signed(TWIN))
    if error is None:
        await client.sign_suspension(METER_ID, 7, suspension())
        return
    with pytest.raises(RegistrarRefused, match=error):
        await client.sign_suspension(METER_ID, 7, suspension())


async def test_the_suspension_of_another_meter(pool: asyncpg.Pool, client: RegistrarClient) -> None:
    await proof(pool, signed(RECORD), signed(TWIN))
    with pytest.raises(RegistrarRefused, match="TransactionNotAllowed"):
        await client.sign_suspension(METER_ID, 7, suspension(b"x" * 16))


async def test_without_a_proof_there_is_no_request(client: RegistrarClient) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await client.sign_suspension(METER_ID, 7, suspension())
