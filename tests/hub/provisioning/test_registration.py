"""A claimed device gets onto the chain and to its certificate, once."""

import asyncio
import datetime as dt

import pytest
from cryptography import x509
from hub_world import Device, HubWorld, User, expect, expect_problem
from installer import LIMITS, Site, history, install_code, now_ms, request_for, text

from gridtokenx_hub.registrar import RegistrarUnavailable

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def claimed(world: HubWorld, user: User | None = None) -> Site:
    site = Site(world, await install_code(world, user or await world.user()))
    await site.claim()
    return site


async def test_the_whole_way(world: HubWorld) -> None:
    user = await world.user("Solar Home A")
    site = await claimed(world, user)
    before = expect(await site.status(), 200)
    assert before == {
        "state": "claimed", "registered": False, "tx_signature": None, "last_reading": None
    }  # fmt: skip
    answer = await site.register()
    certificate = x509.load_pem_x509_certificate(answer["certificate_pem"].encode())
    assert certificate.subject.rfc4514_string() == f"CN={site.meter_id}"
    assert answer["ca_pem"] == world.authority.certificate_pem
    meter = await world.context.client.account(world.context.addresses.meter(site.device.meter_id))
    assert meter is not None
    stored = world.context.programs["registry"].decode_account("Meter", meter.data)
    assert str(stored["owner"]) == user.wallet
    assert stored["export_limit_mw"] == LIMITS["export_limit_w"] * 1000
    assert stored["import_limit_mw"] == LIMITS["import_limit_w"] * 1000
    assert stored["daily_export_limit_mwh"] == LIMITS["daily_export_limit_kwh"] * 1_000_000
    after = expect(await site.status(), 200)
    assert after["registered"] is True
    assert after["tx_signature"] == answer["tx_signature"]
    sheet = expect(await site.post("done"), 200)
    assert sheet["tx_signature"] == answer["tx_signature"]
    assert sheet["owner_name"] == "Solar Home A"
    assert sheet["owner_wallet"] == user.wallet
    assert expect(await site.post("done"), 200) == sheet
    assert expect(await site.status(), 200)["state"] == "done"


async def test_its_readings_show(world: HubWorld) -> None:
    site = await claimed(world)
    await site.register()
    await world.pool.execute(
        "INSERT INTO readings SELECT $1, n, now(), 1000 + n, 5, 6, 0, 0, 0, 0, 0, 3, $2, $2, NULL,"
        " -8, $2, n, 1 FROM generate_series(1, 3) n",
        site.device.meter_id,
        bytes(32),
    )
    found = expect(await site.status(), 200)["last_reading"]
    assert found == {"sequence": 3, "time_ms": 1003, "produced_mwh": 5, "consumed_mwh": 6}


async def test_again(world: HubWorld) -> None:
    """After any break: the same answer, one transaction, one certificate."""
    site = await claimed(world)
    body = {"baseline": site.reading(1), "csr_pem": request_for(site.meter_id)}
    first = expect(await site.post("registration", **body), 201)
    assert expect(await site.post("registration", **body), 201) == first
    assert await history(world, site.device.meter_id) == 1
    issued = await world.pool.fetchval(
        "SELECT count(*) FROM certificates WHERE meter_id = $1", site.device.meter_id
    )
    assert issued == 1


async def test_twice_at_once(world: HubWorld) -> None:
    site = await claimed(world)
    responses = await asyncio.gather(*(site.post_registration() for _ in range(3)))
    answers = [response.json() for response in responses]
    assert sum("tx_signature" in answer for answer in answers) == 1
    assert [answer["error"] for answer in answers if "error" in answer] == [
        "RequestInProgress",
        "RequestInProgress",
    ]
    assert await history(world, site.device.meter_id) == 1


async def test_after_a_crash_that_left_it_sent(world: HubWorld) -> None:
    """The journal knows of the transaction; the answer is lost, nothing else."""
    site = await claimed(world)
    first = await site.register()
    await world.pool.execute(
        "UPDATE provisioning_codes SET tx_signature = NULL WHERE meter_id = $1",
        site.device.meter_id,
    )
    assert (await site.register())["tx_signature"] == first["tx_signature"]
    assert await history(world, site.device.meter_id) == 1


async def test_while_the_registrar_is_away(world: HubWorld) -> None:
    class Away:
        def __init__(self) -> None:
            self.transactions = world.context.registrar.transactions

        async def sign(self, *_request: object) -> None:
            raise RegistrarUnavailable("away")

    site = await claimed(world)
    with world.having(registrar=Away()):
        expect_problem(await site.post_registration(), 503, "RegistrarUnavailable")
    await site.register()


async def test_without_a_certificate(world: HubWorld) -> None:
    site = await claimed(world)
    answer = expect(await site.post_registration(csr_pem=None), 201)
    assert answer["certificate_pem"] is None


async def test_what_is_refused(world: HubWorld) -> None:
    site, other = await claimed(world), await claimed(world)
    thief = Device(world.context.deployment.deployment)
    thief.meter_id = site.device.meter_id
    wrong = [
        ({"baseline": text(thief.baseline())}, 422, "BadSignature"),
        ({"baseline": site.reading(1, meter_id=bytes(16))}, 409, "CodeForAnotherMeter"),
        ({"baseline": site.reading(2)}, 422, "InvalidBaseline"),
        ({"baseline": site.reading(1, surplus_mwh=1)}, 422, "InvalidBaseline"),
        ({"baseline": site.reading(1, time_ms=0)}, 422, "InvalidBaseline"),
        ({"baseline": text(b"nothing")}, 422, "Malformed"),
        ({"csr_pem": request_for("hub")}, 422, "InvalidCertificateRequest"),
        ({"csr_pem": "nothing"}, 422, "InvalidCertificateRequest"),
        ({"code": other.code}, 409, "CodeForAnotherMeter"),
        ({"code": "K7QF-9M2X-4TDA-W3HN"}, 404, "UnknownCode"),
    ]
    for changes, status, error in wrong:
        expect_problem(await site.post_registration(**changes), status, error)
    assert await history(world, site.device.meter_id) == 0
    reading = site.reading(1)
    body = {"reading": reading, "handover": reading}
    expect_problem(await site.post("rotation", **body), 409, "WrongPurpose")
    expect_problem(await site.post("replacement", reading=reading), 409, "WrongPurpose")
    expect_problem(await site.post("transfer"), 409, "WrongPurpose")
    expect_problem(await site.post("decommissioning"), 409, "WrongPurpose")
    expect_problem(await site.post("done"), 409, "NotDoneYet")
    expect_problem(await site.post("owner-signature", transaction=""), 409, "NothingToSign")
    site.device.meter_id = other.device.meter_id
    expect_problem(await site.post_registration(), 409, "CodeForAnotherMeter")
    expect_problem(await site.status(), 409, "CodeForAnotherMeter")


async def test_a_baseline_that_has_become_too_old(world: HubWorld) -> None:
    site = await claimed(world)
    old = now_ms(world) - 90_000_000
    response = await site.post_registration(baseline=site.reading(1, time_ms=old))
    expect_problem(response, 422, "InvalidBaseline")


async def test_the_status_needs_a_code(world: HubWorld) -> None:
    site = await claimed(world)
    path = f"/api/provisioning/claims/{site.meter_id}"
    expect_problem(await world.get(path), 401, "Unauthenticated")
    expect_problem(await world.get(path, world.operator), 401, "Unauthenticated")


async def test_a_certificate_lasts(world: HubWorld) -> None:
    site = await claimed(world)
    answer = await site.register()
    certificate = x509.load_pem_x509_certificate(answer["certificate_pem"].encode())
    row = await world.pool.fetchrow(
        "SELECT * FROM certificates WHERE meter_id = $1", site.device.meter_id
    )
    assert row is not None
    assert int.from_bytes(row["serial_number"], "big") == certificate.serial_number
    assert row["expires_at"] == certificate.not_valid_after_utc
    assert row["expires_at"] > world.context.clock() + dt.timedelta(days=300)
