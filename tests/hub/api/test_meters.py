"""Meters: registered by what their device signed, and by nothing else."""

import base64
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hub_world import Device, HubWorld, expect, expect_problem

from gridtokenx_hub.api.access.auth import create_token
from gridtokenx_protocol.cose import sign
from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.record import ClockStatus, Flag

pytestmark = pytest.mark.asyncio(loop_scope="session")

METERS = "/api/meters"


def device(world: HubWorld, algorithm: Algorithm = Algorithm.ED25519) -> Device:
    return Device(world.context.deployment.deployment, algorithm)


def text(message: bytes) -> str:
    return base64.b64encode(message).decode()


def request_for(name: str, key: Any) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def altered(name: str, old: str, new: str) -> str:
    """A request with some of its bytes (in hex) replaced."""
    pem = request_for(name, ec.generate_private_key(ec.SECP256R1()))
    der = x509.load_pem_x509_csr(pem.encode()).public_bytes(serialization.Encoding.DER)
    changed = base64.encodebytes(der.replace(bytes.fromhex(old), bytes.fromhex(new), 1)).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{changed}-----END CERTIFICATE REQUEST-----\n"


@pytest.mark.parametrize("algorithm", Algorithm)
async def test_a_meter_is_on_chain(world: HubWorld, algorithm: Algorithm) -> None:
    user, new = await world.user(), device(world, algorithm)
    answer = expect(await world.post(METERS, new.registration(user.user_id), world.operator), 201)
    assert answer["meter_id"] == new.meter_id.hex()
    addresses = world.context.addresses
    meter = await world.context.client.account(addresses.meter(new.meter_id))
    ledger = await world.context.client.account(addresses.ledger(new.meter_id))
    assert meter is not None
    assert ledger is not None
    stored = world.context.programs["registry"].decode_account("Meter", meter.data)
    assert str(stored["owner"]) == user.wallet
    assert stored["export_limit_mw"] == 20_000_000
    assert stored["daily_export_limit_mwh"] == 400_000_000
    assert stored["baseline_produced_mwh"] == new.produced_mwh
    row = await world.pool.fetchrow("SELECT * FROM meters WHERE meter_id = $1", new.meter_id)
    assert row is not None, "the indexer has seen it"
    assert row["public_key"] == new.signer.public_key
    await world.settle(user, new, 1_500_000)
    assert (await world.balances(user))[0] * 10 == 15


async def test_an_installer_may(world: HubWorld) -> None:
    user = await world.user()
    installer = await create_token(world.pool, "installer")
    body = device(world).registration(user.user_id)
    expect(await world.post(METERS, body, installer), 201)


async def test_again(world: HubWorld) -> None:
    """The same answer without another transaction, with or without an idempotency key."""
    user, new = await world.user(), device(world)
    body = new.registration(user.user_id)
    first = expect(await world.post(METERS, body, world.operator, new.meter_id.hex()), 201)
    for key in (new.meter_id.hex(), None):
        assert expect(await world.post(METERS, body, world.operator, key), 201) == first
    history = await world.context.client.signatures_for_address(
        world.context.addresses.meter(new.meter_id)
    )
    assert len(history) == 1


async def test_an_id_that_is_taken(world: HubWorld) -> None:
    user, other, first = await world.user(), await world.user(), device(world)
    expect(await world.post(METERS, first.registration(user.user_id), world.operator), 201)
    response = await world.post(METERS, first.registration(other.user_id), world.operator)
    expect_problem(response, 409, "MeterAlreadyRegistered")
    thief = device(world)
    thief.meter_id = first.meter_id
    response = await world.post(METERS, thief.registration(user.user_id), world.operator)
    expect_problem(response, 409, "MeterAlreadyRegistered")


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 2},
        {"deployment": b"\0\0\0\0"},
        {"previous_hash": b"\1" * 32},
        {"surplus_mwh": 1},
        {"active_power_mw": 1},
        {"flags": int(ClockStatus.INFORMATIVE)},
        {"flags": int(ClockStatus.SYNCHRONISED) | Flag.TAMPER},
        {"flags": int(ClockStatus.SYNCHRONISED) | Flag.SETTLEMENT},
        {"time_ms": 0},
        {"time_ms": 2**63},
        {"time_ms": 2**64 - 1},
    ],
    ids=repr,
)
async def test_readings_that_are_no_baseline(world: HubWorld, changes: dict[str, Any]) -> None:
    user, new = await world.user(), device(world)
    body = new.registration(user.user_id, baseline=text(new.baseline(**changes)))
    expect_problem(await world.post(METERS, body, world.operator), 422, "InvalidBaseline")


async def test_messages_that_the_key_did_not_sign(world: HubWorld) -> None:
    user, new, other = await world.user(), device(world), device(world)
    good = new.baseline()
    p256 = device(world, Algorithm.P256)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"baseline": text(other.baseline())}, "BadSignature"),
        ({"baseline": text(good[:-1] + bytes([good[-1] ^ 1]))}, "BadSignature"),
        ({"baseline": text(good[:-1])}, "Malformed"),
        ({"baseline": text(good + b"\0")}, "Malformed"),
        ({"baseline": text(b"")}, "Malformed"),
        ({"baseline": text(sign(b"short", new.signer))}, "Malformed"),
        ({"baseline": text(sign(new.baseline()[17:137] * 2, new.signer))}, "Malformed"),
        ({"public_key": other.signer.public_key.hex()}, "BadSignature"),
        ({"public_key": p256.signer.public_key.hex()}, "BadKey"),
        ({"public_key": "00" * 32}, "BadKey"),
        ({"public_key": ""}, "BadKey"),
        ({"algorithm": "p256"}, "BadKey"),
        ({"baseline": "not base64!"}, "InvalidRequest"),
        ({"baseline": 5}, "InvalidRequest"),
        ({"public_key": "xyz"}, "InvalidRequest"),
        ({"algorithm": "RSA"}, "InvalidRequest"),
        ({"export_limit_w": 0}, "InvalidRequest"),
        ({"export_limit_w": "5000"}, "InvalidRequest"),
        ({"import_limit_w": -1}, "InvalidRequest"),
        ({"import_limit_w": 10**30}, "InvalidRequest"),
        ({"daily_export_limit_kwh": 0}, "InvalidRequest"),
    ]
    for changes, error in wrong:
        body = new.registration(user.user_id, **changes)
        expect_problem(await world.post(METERS, body, world.operator), 422, error)
    assert await world.context.client.account(world.context.addresses.meter(new.meter_id)) is None


async def test_a_meter_of_nobody(world: HubWorld) -> None:
    body = device(world).registration(10**9)
    expect_problem(await world.post(METERS, body, world.operator), 404, "UnknownUser")


async def test_a_certificate(world: HubWorld) -> None:
    user, new = await world.user(), device(world)
    csr = request_for(new.meter_id.hex(), ec.generate_private_key(ec.SECP256R1()))
    body = new.registration(user.user_id, csr_pem=csr)
    answer = expect(await world.post(METERS, body, world.operator), 201)
    certificate = x509.load_pem_x509_certificate(answer["certificate_pem"].encode())
    (name,) = certificate.subject
    assert name.value == new.meter_id.hex()
    assert answer["ca_pem"] == world.authority.certificate_pem


async def test_no_certificate_without_tls(world: HubWorld) -> None:
    with world.having(authority=None):
        user, new = await world.user(), device(world)
        csr = request_for(new.meter_id.hex(), ec.generate_private_key(ec.SECP256R1()))
        body = new.registration(user.user_id, csr_pem=csr)
        answer = expect(await world.post(METERS, body, world.operator), 201)
        assert set(answer) == {"meter_id", "tx_signature"}


async def test_requests_that_must_not_be_signed(world: HubWorld) -> None:
    """Nothing is registered either."""
    user, new = await world.user(), device(world)
    name = new.meter_id.hex()
    wrong = [
        "",
        "garbage",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
        "\ud800",
        request_for("hub", ec.generate_private_key(ec.SECP256R1())),
        request_for(name, rsa.generate_private_key(65537, 2048)),
        altered(name, "2a8648ce3d0201", "2a8648ce3d0209"),  # a kind of key that nobody knows
        altered(name, "2a8648ce3d030107", "2a8648ce3d030109"),  # a curve likewise
        altered(name, "020100", "020109"),  # a version likewise
    ]
    for csr in wrong:
        body = new.registration(user.user_id)
        response = await world.post(METERS, json.dumps(body | {"csr_pem": csr}), world.operator)
        expect_problem(response, 422)
    assert await world.context.client.account(world.context.addresses.meter(new.meter_id)) is None
