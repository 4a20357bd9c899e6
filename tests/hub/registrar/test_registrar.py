"""The registrar signs what a code allows, and nothing that differs from it anywhere."""

import asyncio
import datetime as dt
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mandates import Insert, new_user
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from gridtokenx_hub.registrar import (
    DeviceKey,
    Evidence,
    RegistrarClient,
    RegistrarRefused,
    RegistrarTransactions,
    RegistrarUnavailable,
    open_evidence,
)
from gridtokenx_hub.registrar.inspection import inspect
from gridtokenx_hub.registrar.mandate import SELECT, Mandate, mandate_of
from gridtokenx_hub.registrar.registrar import Registrar
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load
from gridtokenx_protocol.cose import sign
from gridtokenx_protocol.keys import SIGNATURE_SIZE, Algorithm, SoftwareSigner
from gridtokenx_protocol.record import ClockStatus, Record

PROGRAMS = {name: load(name) for name in PROGRAM_NAMES}
ADDRESSES = Addresses(*(program.id for program in PROGRAMS.values()))
KEY = Keypair()
PAYER = Keypair().pubkey()
BLOCKHASH = Hash.new_unique()
TRANSACTIONS = RegistrarTransactions(PROGRAMS, ADDRESSES, KEY.pubkey())
METER_ID = bytes(range(16))
PURPOSES = ("install", "rotate_key", "replace_meter", "transfer", "revoke")


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def device() -> SoftwareSigner:
    return SoftwareSigner(Ed25519PrivateKey.generate())


DEVICE = device()


def reading(signer: SoftwareSigner = DEVICE, meter_id: bytes = METER_ID, count: int = 1) -> bytes:
    record = Record(
        b"depl", meter_id, 1, 1, 0, 0, 0, 0, 0, 0, 0, int(ClockStatus.SYNCHRONISED), bytes(32)
    )
    return sign(record.encode() * count, signer)


def with_a_bit_changed(message: bytes) -> bytes:
    """In the signature's first half, which may be any bytes."""
    altered = bytearray(message)
    altered[-SIGNATURE_SIZE] ^= 1
    return bytes(altered)


@pytest.fixture
def client(pool: asyncpg.Pool) -> RegistrarClient:
    return RegistrarClient(pool, TRANSACTIONS, timeout_s=10)


@pytest.fixture
async def registrar(pool: asyncpg.Pool) -> AsyncIterator[Registrar]:
    running = Registrar(pool, KEY, PROGRAMS, ADDRESSES, now)
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    yield running
    stop.set()
    await task


async def code(pool: asyncpg.Pool, issued: Insert, purpose: str, **columns: Any) -> Mandate:
    row = {"purpose": purpose, "meter_id": METER_ID} | columns
    if purpose in {"install", "rotate_key", "replace_meter"}:
        row = {"algorithm": 0, "public_key": DEVICE.public_key} | row
    if purpose == "transfer":
        await new_user(pool)
        row["new_user_id"] = 2
    code_id = await issued(**row)
    (found,) = await pool.fetch(f"{SELECT} WHERE c.id = $1", code_id)
    return mandate_of(found)


def evidence_of(purpose: str) -> bytes | None:
    return reading() if purpose in {"install", "rotate_key", "replace_meter"} else None


def instructions(mandate: Mandate) -> list[Instruction]:
    message = evidence_of(mandate.purpose)
    evidence = open_evidence(message, mandate.key) if message and mandate.key else None
    return TRANSACTIONS.instructions(mandate, evidence, PAYER)


def message(made: list[Instruction], payer: Pubkey = PAYER) -> Message:
    return Message.new_with_blockhash(made, payer, BLOCKHASH)


LIMIT = set_compute_unit_limit(40_000)


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_what_is_allowed_is_signed(
    pool: asyncpg.Pool, issued: Insert, client: RegistrarClient, registrar: Registrar, purpose: str
) -> None:
    mandate = await code(pool, issued, purpose)
    asked = message([LIMIT, *instructions(mandate)])
    signatures = await client.sign(mandate.code_id, asked, evidence_of(purpose))
    assert signatures[KEY.pubkey()].verify(KEY.pubkey(), bytes(asked))


def altered(made: list[Instruction]) -> Iterator[tuple[str, list[Instruction]]]:
    """Every instruction with one account, flag, byte or program changed, left out or added."""
    for index, instruction in enumerate(made):

        def put(changed: Instruction, at: int = index) -> list[Instruction]:
            return [*made[:at], changed, *made[at + 1 :]]

        program, data, metas = instruction.program_id, instruction.data, instruction.accounts
        for number, meta in enumerate(metas):
            for other in (Pubkey.new_unique(), PAYER, KEY.pubkey()):
                if other != meta.pubkey:
                    swapped = AccountMeta(other, meta.is_signer, meta.is_writable)
                    changed = [*metas[:number], swapped, *metas[number + 1 :]]
                    yield f"account {index}.{number}", put(Instruction(program, data, changed))
            for signer, writable in (
                (not meta.is_signer, meta.is_writable),
                (meta.is_signer, not meta.is_writable),
            ):
                flagged = AccountMeta(meta.pubkey, signer, writable)
                changed = [*metas[:number], flagged, *metas[number + 1 :]]
                yield f"flags {index}.{number}", put(Instruction(program, data, changed))
            fewer = [*metas[:number], *metas[number + 1 :]]
            yield f"without {index}.{number}", put(Instruction(program, data, fewer))
        for position in range(len(data)):
            flipped = bytes([*data[:position], data[position] ^ 1, *data[position + 1 :]])
            yield f"byte {index}.{position}", put(Instruction(program, flipped, metas))
        yield f"longer {index}", put(Instruction(program, data + b"\0", metas))
        yield f"shorter {index}", put(Instruction(program, data[:-1], metas))
        yield f"program {index}", put(Instruction(Pubkey.new_unique(), data, metas))
        yield f"left out {index}", [*made[:index], *made[index + 1 :]]
        yield f"twice {index}", [*made[:index], instruction, *made[index:]]
    theft = transfer(
        TransferParams(from_pubkey=KEY.pubkey(), to_pubkey=Pubkey.new_unique(), lamports=1)
    )
    for place in range(len(made) + 1):
        yield f"added at {place}", [*made[:place], theft, *made[place:]]
        yield f"price at {place}", [*made[:place], set_compute_unit_price(9), *made[place:]]
    yield "reversed", made[::-1]


def refusal(raw: bytes, mandate: Mandate, evidence: Evidence | None) -> str | None:
    """The name of the refusal; None when the message would be signed."""
    try:
        inspect(
            raw, lambda payer: TRANSACTIONS.instructions(mandate, evidence, payer), "", KEY.pubkey()
        )
    except RegistrarRefused as refused:
        return refused.name
    return None


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_what_is_altered_is_not_signed(
    pool: asyncpg.Pool, issued: Insert, purpose: str
) -> None:
    """Checked without the process's loop: there are hundreds of alterations."""
    mandate = await code(pool, issued, purpose)
    found = evidence_of(purpose)
    evidence = open_evidence(found, mandate.key) if found and mandate.key else None
    honest = instructions(mandate)
    allowed = bytes(message([LIMIT, *honest]))
    assert refusal(allowed, mandate, evidence) is None
    count = 0
    for what, changed in altered(honest):
        raw = bytes(message([LIMIT, *changed]))
        if raw == allowed:
            continue  # one instruction reversed, or a flag that the account has from another place
        assert refusal(raw, mandate, evidence) == "TransactionNotAllowed", what
        count += 1
    assert count > 40


@pytest.mark.parametrize(
    "made",
    [
        [],
        [set_compute_unit_price(1)],
        [set_compute_unit_limit(1_400_001)],
        [LIMIT, LIMIT],
    ],
    ids=["no limit", "a price", "too much", "two limits"],
)
async def test_the_compute_limit(
    pool: asyncpg.Pool,
    issued: Insert,
    client: RegistrarClient,
    registrar: Registrar,
    made: list[Instruction],
) -> None:
    mandate = await code(pool, issued, "revoke")
    with pytest.raises(RegistrarRefused, match="TransactionNotAllowed"):
        await client.sign(mandate.code_id, message([*made, *instructions(mandate)]), None)


async def test_the_registrar_pays_for_nothing(
    pool: asyncpg.Pool, issued: Insert, client: RegistrarClient, registrar: Registrar
) -> None:
    mandate = await code(pool, issued, "revoke")
    made = TRANSACTIONS.instructions(mandate, None, KEY.pubkey())
    with pytest.raises(RegistrarRefused, match="pays for nothing"):
        await client.sign(mandate.code_id, message([LIMIT, *made], KEY.pubkey()), None)


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\x01\0\0\0", os.urandom(300), bytes(1232)])
async def test_what_is_no_message(
    pool: asyncpg.Pool, issued: Insert, registrar: Registrar, raw: bytes
) -> None:
    """The request is refused, and the next one is answered."""
    mandate = await code(pool, issued, "revoke")
    request = await pool.fetchval(
        "INSERT INTO registrar_requests (code_id, message) VALUES ($1, $2) RETURNING id",
        mandate.code_id,
        raw,
    )
    client = RegistrarClient(pool, TRANSACTIONS, timeout_s=10)
    await client.sign(mandate.code_id, message([LIMIT, *instructions(mandate)]), None)
    row = await pool.fetchrow("SELECT * FROM registrar_requests WHERE id = $1", request)
    assert row is not None
    assert (row["state"], row["error"]) == ("refused", "TransactionNotAllowed")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("withdrawn_at = now()", "UnknownCode"),
        ("done_at = now()", "CodeUsed"),
        ("expires_at = now()", "CodeExpired"),
        ("algorithm = NULL, public_key = NULL", "CodeNotClaimed"),
        ("user_id = 2", "TransactionNotAllowed"),
        ("export_limit_mw = 2000000", "TransactionNotAllowed"),
        ("meter_id = sha256('x')::bytea", "CodeForAnotherMeter"),
        ("public_key = sha256('x')", "BadKey"),
    ],
)
async def test_a_code_that_does_not_allow_it(
    pool: asyncpg.Pool,
    issued: Insert,
    client: RegistrarClient,
    registrar: Registrar,
    change: str,
    error: str,
) -> None:
    mandate = await code(pool, issued, "install")
    await new_user(pool)
    change = change.replace("sha256('x')::bytea", "substr(sha256('x'), 1, 16)")
    await pool.execute(f"UPDATE provisioning_codes SET {change}")  # noqa: S608 - from the list above
    with pytest.raises(RegistrarRefused) as refused:
        await client.sign(
            mandate.code_id, message([LIMIT, *instructions(mandate)]), evidence_of("install")
        )
    assert refused.value.name == error


@pytest.mark.parametrize(
    ("evidence", "error"),
    [
        (None, "EvidenceMissing"),
        (b"nothing", "Malformed"),
        (reading(device()), "BadSignature"),
        (reading(meter_id=bytes(16)), "CodeForAnotherMeter"),
        (with_a_bit_changed(reading()), "BadSignature"),
    ],
    ids=["none", "garbage", "another key", "another meter", "altered"],
)
async def test_evidence_that_proves_nothing(
    pool: asyncpg.Pool,
    issued: Insert,
    client: RegistrarClient,
    registrar: Registrar,
    evidence: bytes | None,
    error: str,
) -> None:
    mandate = await code(pool, issued, "install")
    with pytest.raises(RegistrarRefused) as refused:
        await client.sign(mandate.code_id, message([LIMIT, *instructions(mandate)]), evidence)
    assert refused.value.name == error


async def test_a_code_for_something_else(
    pool: asyncpg.Pool, issued: Insert, client: RegistrarClient, registrar: Registrar
) -> None:
    install = await code(pool, issued, "install")
    revoke = await code(pool, issued, "revoke")
    with pytest.raises(RegistrarRefused, match="TransactionNotAllowed"):
        await client.sign(install.code_id, message([LIMIT, *instructions(revoke)]), reading())


async def test_without_a_registrar(pool: asyncpg.Pool, issued: Insert) -> None:
    """The request is given up: a registrar that comes later does not sign it."""
    mandate = await code(pool, issued, "revoke")
    client = RegistrarClient(pool, TRANSACTIONS, timeout_s=0.1)
    with pytest.raises(RegistrarUnavailable):
        await client.sign(mandate.code_id, message([LIMIT, *instructions(mandate)]), None)
    late = Registrar(pool, KEY, PROGRAMS, ADDRESSES, now)
    async with pool.acquire() as connection:
        assert not await late.answer_one(connection)
    assert await pool.fetchval("SELECT state FROM registrar_requests") == "abandoned"


async def asked_for(pool: asyncpg.Pool, mandate: Mandate) -> None:
    await pool.execute(
        "INSERT INTO registrar_requests (code_id, message) VALUES ($1, $2)",
        mandate.code_id,
        bytes(message([LIMIT, *instructions(mandate)])),
    )


async def state_of(pool: asyncpg.Pool) -> str:
    state: str = await pool.fetchval("SELECT state FROM registrar_requests")
    return state


async def test_a_registrar_that_dies_before_it_answers(pool: asyncpg.Pool, issued: Insert) -> None:
    """The request is open still, and the next one signs it."""
    await asked_for(pool, await code(pool, issued, "revoke"))

    class Dies(Registrar):
        def _sign(self, message: bytes) -> bytes:
            raise SystemError("killed")

    async with pool.acquire() as connection:
        with pytest.raises(SystemError):
            await Dies(pool, KEY, PROGRAMS, ADDRESSES, now).answer_one(connection)
        assert await state_of(pool) == "open"
        assert await Registrar(pool, KEY, PROGRAMS, ADDRESSES, now).answer_one(connection)
    assert await state_of(pool) == "signed"


async def test_a_request_that_no_notice_told_of(pool: asyncpg.Pool, issued: Insert) -> None:
    await asked_for(pool, await code(pool, issued, "revoke"))
    running = Registrar(pool, KEY, PROGRAMS, ADDRESSES, now, poll_s=0.01)
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    async with asyncio.timeout(10):
        while await state_of(pool) != "signed":  # noqa: ASYNC110 - the registrar tells only those who asked
            await asyncio.sleep(0.01)
    stop.set()
    await task


def test_the_key_of_a_device_is_part_of_the_mandate() -> None:
    key = DeviceKey(Algorithm.ED25519, DEVICE.public_key)
    assert open_evidence(reading(), key).key == key
